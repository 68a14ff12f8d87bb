// A comparison's outcome in words: nothing is claimed that the interval does not show.

enum ComparisonWords {
  /// The verdict, in one or two sentences.
  static func verdict(_ findings: ComparisonFindings) -> String {
    let (first, second) = (findings.first.policy, findings.second.policy)
    guard let energy = findings.energy else {
      return "No verdict: no pair of blocks counts. \(findings.remarks.first ?? "")"
    }
    let source = self.source(findings)
    let quality = self.quality(findings)
    let ratio = energy.ratio
    guard ratio.low.isFinite, ratio.high.isFinite, ratio.low > 0, energy.pairs > 1 else {
      return
        "\(second) takes \(FigureText.change(ratio.value)) energy per token against \(first), \(source)\(quality); "
        + "\(energy.pairs) \(energy.pairs == 1 ? "pair" : "pairs") cannot tell how sure that is."
    }
    let change = percent(abs(ratio.value - 1))
    if ratio.high < 1 {
      return "\(second) uses \(change) % less energy per token than \(first), 95 % interval "
        + "\(percent(1 - ratio.high)) to \(percent(1 - ratio.low)) %, \(source)\(quality)."
    }
    if ratio.low > 1 {
      return "\(second) uses \(change) % more energy per token than \(first), 95 % interval "
        + "\(percent(ratio.low - 1)) to \(percent(ratio.high - 1)) %, \(source)\(quality)."
    }
    return "No difference in energy per token is shown between \(first) and \(second): \(second) takes "
      + "\(FigureText.change(ratio.value)), 95 % interval \(FigureText.change(ratio.low)) to "
      + "\(FigureText.change(ratio.high)), \(source)\(quality)."
  }

  /// A part as percent: whole from 10 % on, else with one decimal.
  private static func percent(_ part: Double) -> String {
    FigureText.fixed(part * 100, abs(part) >= 0.0995 ? 0 : 1)
  }

  private static func source(_ findings: ComparisonFindings) -> String {
    guard findings.standing != "modelled", !findings.node.rails.isEmpty else {
      return "modelled, not measured: no rail can be read here"
    }
    return "\(findings.standing) on \(findings.node.rails.map(railName).joined(separator: " + "))"
  }

  /// The label of a rail's id `source:name@device:label`; with its chip where nobody labelled it and an attribute stands there.
  static func railName(_ id: String) -> String {
    guard let colon = id.lastIndex(of: ":"), colon < id.index(before: id.endIndex) else { return id }
    let label = String(id[id.index(after: colon)...])
    guard label.wholeMatch(of: /(power|energy|curr|in)[0-9]+/) != nil, let source = id.firstIndex(of: ":"),
      let device = id.firstIndex(of: "@"), source < device
    else { return label }
    return "\(id[id.index(after: source)..<device]) \(label)"
  }

  private static func quality(_ findings: ComparisonFindings) -> String {
    guard let perplexity = findings.perplexity?.ratio else { return "" }
    var text = "; perplexity \(FigureText.change(perplexity.value))"
    if perplexity.low.isFinite, perplexity.high.isFinite {
      text += " (\(FigureText.change(perplexity.low)) to \(FigureText.change(perplexity.high)))"
    }
    return text
  }

  /// What the figures may suffer from; empty when nothing is known of.
  static func remarks(_ findings: ComparisonFindings, _ record: ComparisonRecord) -> [String] {
    var remarks: [String] = []
    if !findings.isComplete {
      let wanted = findings.planned.map { "\($0)" } ?? "the pilot's \(findings.stop.pilot)"
      remarks.append(
        "the comparison was stopped after \(findings.energy?.pairs ?? 0) of \(wanted) pairs: a stop that was not planned "
          + "may favour what was seen")
    } else if let planned = findings.planned, (findings.energy?.pairs ?? 0) < planned {
      remarks.append("pairs were given up: too many did not count")
    }
    if let energy = findings.energy, let planned = findings.planned, planned >= findings.stop.most {
      let half = FigureText.fixed((energy.ratio.high / energy.ratio.value - 1) * 100, 1)
      remarks.append(
        "the most pairs allowed (\(findings.stop.most)) give ± \(half) %, not the wanted ± "
          + "\(FigureText.fixed(findings.stop.precision * 100, 1)) %")
    }
    if findings.throttledPairs > 0 { remarks.append("\(findings.throttledPairs) pairs with throttling do not count") }
    let failed = findings.droppedPairs - findings.throttledPairs
    if failed > 0 { remarks.append("\(failed) pairs with failed requests or without joules do not count") }
    if let energy = findings.energy, energy.effectivePairs < Double(energy.pairs) {
      remarks.append(
        "neighbouring pairs resemble each other (lag 1: \(FigureText.fixed(energy.lag1, 2))): the interval is that of "
          + "\(FigureText.fixed(energy.effectivePairs, 1)) pairs; longer blocks would help")
    }
    return remarks + doubts(findings, record)
  }

  private static func doubts(_ findings: ComparisonFindings, _ record: ComparisonRecord) -> [String] {
    var doubts: [String] = []
    let (first, second) = (findings.first, findings.second)
    if first.tokensPerRequest > 0, abs(second.tokensPerRequest / first.tokensPerRequest - 1) > 0.02 {
      doubts.append(
        "answers differ in length: \(FigureText.fixed(first.tokensPerRequest, 1)) and "
          + "\(FigureText.fixed(second.tokensPerRequest, 1)) tokens; joules per token hold the prompt's share")
    }
    if let before = first.temperature, let after = second.temperature, abs(before - after) > 1 {
      doubts.append(
        "the machine was at \(FigureText.fixed(before, 1)) °C under \(first.policy) and \(FigureText.fixed(after, 1)) °C "
          + "under \(second.policy)")
    }
    let governors = Set(record.blocks.flatMap { ($0.before?.governors ?? []) + ($0.after?.governors ?? []) })
    if governors.count > 1 { doubts.append("frequency governors: \(governors.sorted().joined(separator: ", "))") }
    let levels = Set(record.blocks.flatMap { [$0.before?.links, $0.after?.links].compactMap { $0 } })
    if levels.count > 1 { doubts.append("a link changed its level during the comparison") }
    if findings.perplexity == nil {
      doubts.append("quality was not measured: give a text with --text, for cheaper may mean worse")
    }
    if first.failures + second.failures > 0 {
      doubts.append(
        "requests failed: \(first.failures) under \(first.policy), \(second.failures) under \(second.policy)")
    }
    return doubts
  }
}
