// `siftctl study` without its command line: which studies, over what, and the report that they end in.

import ExpertExec
import SiftPolicy
import SiftSimulation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One kind of study.
public enum StudyKind: String, Sendable, CaseIterable {
  /// (a) Energy saved at equal perplexity, every policy, slow, fast and recorded channels.
  case quality
  /// (b) Energy against one figure of the scenario at a time.
  case sweeps
  /// (c) The three shapes of arXiv 2603.23888 over its radio.
  case paper
}

/// What is studied.
public struct StudyTool: Sendable {
  public var kinds: [StudyKind]
  public var model: String
  public var texts: [String]
  public var output: String
  public var calibration: String?
  /// A recorded channel; nil leaves that part out.
  public var recording: String?
  public var seeds = 4
  /// One seed reads every so many-th window of text.
  public var stride = 4
  /// Names of policies; empty: all.
  public var policies: [String] = []
  public var threads: Int?
  /// What was typed, for the report.
  public var command = ""

  public init(kinds: [StudyKind], model: String, texts: [String], output: String) {
    self.kinds = kinds
    self.model = model
    self.texts = texts
    self.output = output
  }

  /// Runs the studies and writes their files. - Returns: the names of the files.
  public func run() async throws(ToolFailure) -> [String] {
    let policies = try chosen()
    let links = try recorded()
    guard (1...100).contains(seeds) else { throw ToolFailure(.usage, "--seeds: must be from 1 to 100, not \(seeds)") }
    guard (1...10_000).contains(stride) else {
      throw ToolFailure(.usage, "--stride: must be from 1 to 10000, not \(stride)")
    }
    let bench = try StudyBench(model: model, texts: texts, calibration: calibration, threads: threads)
    guard stride <= bench.windows.count else {
      throw ToolFailure(.usage, "--stride: \(stride) is more than the \(bench.windows.count) windows of the texts")
    }
    var files = try StudyFiles(folder: output)
    var report = StudyReport(command: command, bench: bench, seeds: seeds, stride: stride)
    for kind in kinds {
      switch kind {
      case .quality: try await quality(bench, policies, links, &files, &report)
      case .sweeps: try await sweeps(bench, policies, &files, &report)
      case .paper: try await paper(bench, &files, &report)
      }
    }
    try files.write("report.md", report.text)
    return files.written
  }

  private func chosen() throws(ToolFailure) -> [StudyPolicy] {
    if policies.isEmpty { return StudyPolicy.all }
    var chosen: [StudyPolicy] = []
    for name in policies {
      guard let policy = StudyPolicy.all.first(where: { $0.name == name }) else {
        throw ToolFailure(
          .usage, "--policies: \"\(name)\" is none of \(StudyPolicy.all.map(\.name).joined(separator: ", "))")
      }
      chosen.append(policy)
    }
    return chosen
  }

  private func recorded() throws(ToolFailure) -> RecordedLinks? {
    guard let recording else { return nil }
    let bytes = try InputFile.read(recording)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ToolFailure(.badData, "\(recording): is not UTF-8 text")
    }
    do { return try RecordedLinks(csv: text) } catch { throw ToolFailure(.badData, "\(recording): \(error)") }
  }

  private func quality(
    _ bench: StudyBench, _ policies: [StudyPolicy], _ links: RecordedLinks?, _ files: inout StudyFiles,
    _ report: inout StudyReport
  ) async throws(ToolFailure) {
    let channels: [StudyChannel] = links == nil ? [.slow, .fast] : [.slow, .fast, .recorded]
    var study = StudyQuality(
      bench: bench, channels: channels, policies: policies, seeds: seeds, stride: stride, links: links)
    try study.run()
    try files.write(study.points)
    try files.write(study.savings)
    for channel in channels {
      let plot = StudyPlot(
        name: "quality-\(channel.rawValue)", title: "Energy saved against Top-K, \(channel.rawValue) channel",
        x: "increase of perplexity (%)", y: "saving (%)",
        series: study.savings.series(
          x: "perplexity_increase_percent", y: "saving_percent", by: ["policy"],
          where: { $0["channel"] == .text(channel.rawValue) }))
      report.note(drawn: try await files.draw(plot), plot.name)
    }
    report.add(study)
  }

  private func sweeps(
    _ bench: StudyBench, _ policies: [StudyPolicy], _ files: inout StudyFiles, _ report: inout StudyReport
  ) async throws(ToolFailure) {
    let windows = bench.windows(seed: 0, step: max(stride, bench.windows.count / 4))
    var study = StudySweeps(bench: bench, policies: policies, trace: try bench.trace(windows), seeds: seeds)
    try study.run()
    let table = study.table
    try files.write(table)
    for plot in study.plots {
      let drawn = StudyPlot(
        name: plot.name, title: "Energy against \(plot.sweep), \(plot.channel.rawValue) channel", x: plot.sweep,
        y: "J a token",
        series: table.series(
          x: "value", y: "joules_per_token", by: ["policy"],
          where: { $0["sweep"] == .text(plot.sweep) && $0["channel"] == .text(plot.channel.rawValue) }))
      report.note(drawn: try await files.draw(drawn), plot.name)
    }
    report.add(study)
  }

  private func paper(
    _ bench: StudyBench, _ files: inout StudyFiles, _ report: inout StudyReport
  ) async throws(ToolFailure) {
    var study = StudyShannon(layers: bench.layers.compactMap { $0 }, seeds: seeds, tokens: 400)
    study.run()
    try files.write(study.budgets)
    try files.write(study.slots)
    for shape in PaperShape.all {
      let plot = StudyPlot(
        name: "paper-\(shape.name)", title: "Energy against error, \(shape.name)", x: "mean error",
        y: "J a token and layer",
        series: study.budgets.meanSeries(
          x: "error_mean", y: "joules_per_token_layer", by: ["policy", "knob"], name: "policy",
          where: {
            $0["model"] == .text(shape.name) && $0["bandwidth_hz"] == .number(shape.bandwidth)
              && $0["deadline_s"] == .number(shape.deadline)
          }))
      report.note(drawn: try await files.draw(plot), plot.name)
    }
    report.add(study)
  }
}

extension StudyTable {
  /// Means over the rows that agree in `keys`, gathered into one series for each value of `name`.
  func meanSeries(
    x: String, y: String, by keys: [String], name: String, where keep: ([String: StudyCell]) -> Bool
  ) -> [StudyPlot.Series] {
    var groups: [(key: String, name: String, xs: [Double], ys: [Double])] = []
    for row in rows {
      let cells = Dictionary(zip(columns, row), uniquingKeysWith: { a, _ in a })
      guard keep(cells), let xs = cells[x]?.figure, let ys = cells[y]?.figure else { continue }
      let key = keys.compactMap { cells[$0]?.csv }.joined(separator: " ")
      if let at = groups.firstIndex(where: { $0.key == key }) {
        groups[at].xs.append(xs)
        groups[at].ys.append(ys)
      } else {
        groups.append((key, cells[name]?.csv ?? "", [xs], [ys]))
      }
    }
    var series: [StudyPlot.Series] = []
    for group in groups {
      let point = (x: Statistics.mean(group.xs), y: Statistics.mean(group.ys), low: Double?.none, high: Double?.none)
      if let at = series.firstIndex(where: { $0.name == group.name }) {
        series[at].points.append(point)
      } else {
        series.append(StudyPlot.Series(name: group.name, points: [point]))
      }
    }
    return series
  }
}
