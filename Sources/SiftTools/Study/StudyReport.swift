// The page that a study ends in: what was done, what came out, where a rival wins and where an aim is missed.

/// Collects the parts of `report.md`.
struct StudyReport {
  private var parts: [String]
  private var missing: [String] = []

  /// Savings against Top-K at an increase of 1 % that the project aims at, percent.
  static let aims: [StudyChannel: Double] = [.slow: 40, .fast: 60, .recorded: 50]

  init(command: String, bench: StudyBench, seeds: Int, stride: Int) {
    let tokens = bench.windows(seed: 0, step: stride).reduce(0) { $0 + $1.count }
    parts = [
      """
      # Study

      Made by `\(command)`: model \(bench.model.engine.hash.short), \(bench.model.perToken) of \
      \(bench.model.experts.max() ?? 0) experts a token in \(bench.model.experts.count { $0 > 0 }) layers; the second \
      halves of the texts, which calibration never saw; \(seeds) seeds of about \(tokens) tokens, each with its own \
      channel and its own part of the text. Joules are modelled. Intervals are 95 % over seeds (Student's t).

      Figures of the scenario:

      """ + StudyScenario.sources.map { "* " + $0 }.joined(separator: "\n")
    ]
  }

  /// Remembers a plot that could not be drawn.
  mutating func note(drawn: Bool, _ plot: String) { if !drawn { missing.append(plot) } }

  var text: String {
    var text = parts.joined(separator: "\n\n") + "\n"
    if !missing.isEmpty {
      text +=
        "\nNot drawn, because gnuplot is missing or failed (`apt-get install gnuplot-nox`, then run it on the scripts): "
        + missing.joined(separator: ", ") + ".\n"
    }
    return text
  }

  mutating func add(_ study: StudyQuality) {
    var part = "## Energy saved at equal perplexity\n\n"
    part += "Increase of perplexity over Top-K on the same channel; saving against Top-K's energy.\n\n"
    for channel in study.channels {
      part += "### \(channel.rawValue)\n\n" + Self.savings(study, channel) + "\n"
      part += Self.verdict(study, channel) + "\n\n"
      part += "![\(channel.rawValue)](quality-\(channel.rawValue).svg)\n\n"
    }
    parts.append(part)
  }

  private static func figure(_ study: StudyQuality, _ channel: StudyChannel, _ policy: String, _ target: Double)
    -> (value: Double, low: Double, high: Double)?
  {
    for row in study.savings.rows
    where row[0] == .text(channel.rawValue) && row[1] == .text(policy) && row[2] == .number(target) {
      guard let value = row[3].figure else { return nil }
      return (value, row[4].figure ?? -.infinity, row[5].figure ?? .infinity)
    }
    return nil
  }

  private static func savings(_ study: StudyQuality, _ channel: StudyChannel) -> String {
    var text = "| policy |" + StudyQuality.targets.map { " at +\(FigureText.fixed($0, 0)) % |" }.joined() + "\n"
    text += "|---|" + StudyQuality.targets.map { _ in "---|" }.joined() + "\n"
    for policy in study.policies {
      let cells = StudyQuality.targets.map { target -> String in
        guard let found = figure(study, channel, policy.name, target) else { return " – |" }
        return
          " \(FigureText.fixed(found.value, 1)) % (\(FigureText.fixed(found.low, 1)) … \(FigureText.fixed(found.high, 1))) |"
      }
      text += "| \(policy.name) |" + cells.joined() + "\n"
    }
    return text
  }

  /// Says in words whether the aim is met and who is better than siftmoe.
  private static func verdict(_ study: StudyQuality, _ channel: StudyChannel) -> String {
    var sentences: [String] = []
    if let aim = aims[channel] {
      if let found = figure(study, channel, "siftmoe", 1) {
        sentences.append(
          "Aim at +1 %: \(FigureText.fixed(aim, 0)) % less energy than Top-K; siftmoe saves "
            + "\(FigureText.fixed(found.value, 1)) %: \(found.value >= aim ? "met" : "MISSED").")
      } else {
        sentences.append("siftmoe did not reach +1 % with the settings tried: the aim is MISSED.")
      }
    }
    for target in StudyQuality.targets {
      guard let own = figure(study, channel, "siftmoe", target) else { continue }
      for rival in study.policies where rival.name != "siftmoe" {
        guard let other = figure(study, channel, rival.name, target), other.value > own.value else { continue }
        sentences.append(
          "At +\(FigureText.fixed(target, 0)) % \(rival.name) saves \(FigureText.fixed(other.value - own.value, 1)) points "
            + "more than siftmoe.")
      }
    }
    if sentences.count < 2 { sentences.append("Nobody saves more than siftmoe at any of the three levels.") }
    return sentences.joined(separator: " ")
  }

  mutating func add(_ study: StudySweeps) {
    var part = "## Energy against one figure at a time\n\n"
    part +=
      "What is saved of Top-K's energy with a root mean square error a layer of at most \(StudySweeps.error) beyond Top-K's "
    part += "over the same channel (squares subtracted; in the sweep of it, of its value beyond). "
    part += "Every policy's knob is turned, and settings may take turns. Means over the seeds.\n\n"
    var losses: [String] = []
    for plot in study.plots {
      part += "### \(plot.sweep), \(plot.channel.rawValue)\n\n![\(plot.sweep)](\(plot.name).svg)\n\n"
      let unit = plot.unit.isEmpty ? "" : " (\(plot.unit))"
      part += "| \(plot.sweep)\(unit) | siftmoe | best of the others |\n|---|---|---|\n"
      for value in plot.values {
        let savings = study.savings(plot, value)
        let own = savings.first { $0.policy == "siftmoe" }?.saving
        // Others of the family decide as siftmoe does where the channel does not change.
        let other = savings.first { !$0.policy.hasPrefix("siftmoe") }
        part += "| \(value) | \(own.map(Self.percent) ?? "") | "
        part += other.map { "\($0.policy) \(Self.percent($0.saving))" } ?? ""
        part += " |\n"
        if let own, let best = savings.first, best.saving > own + 0.05 {
          losses.append(
            "\(plot.sweep) \(value), \(plot.channel.rawValue): \(best.policy) saves \(Self.percent(best.saving)), "
              + "siftmoe \(Self.percent(own))")
        }
      }
      part += "\n"
    }
    part +=
      losses.isEmpty
      ? "Nobody saves more than siftmoe anywhere (by 0.05 points).\n\n"
      : "Where somebody saves more than siftmoe:\n\n" + losses.map { "* \($0)\n" }.joined() + "\n"
    parts.append(part)
  }

  private static func percent(_ figure: Double) -> String { "\(FigureText.fixed(figure, 1)) %" }

  mutating func add(_ study: StudyShannon) {
    var part = "## The shapes of arXiv 2603.23888 over its radio\n\n"
    part +=
      "Routing and distances are drawn (they are not published); budgets are relative errors, the paper's absolute.\n\n"
    let scheduled = study.slots.rows.allSatisfy { ($0[3].figure ?? 0) <= ($0[4].figure ?? 0) * (1 + 1e-9) }
    part +=
      scheduled
      ? "Scheduled bits cost at most what uniform bits cost, in every model, seed and number of slots.\n\n"
      : "Scheduled bits cost MORE than uniform bits somewhere: see paper-slots.csv.\n\n"
    for shape in PaperShape.all { part += "![\(shape.name)](paper-\(shape.name).svg)\n\n" }
    parts.append(part)
  }
}
