// Quality targets and what became of them, token by token: `siftctl eval --paired`.

import ExpertExec
import SiftPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sums over the predicted tokens of one window under one variant.
package struct WindowEffect: Sendable, Hashable {
  package var tokens = 0
  /// Σ of the increase of loss, in nats.
  package var lossIncrease = 0.0
  /// Σ KL(exact ‖ variant), in nats.
  package var divergence = 0.0
  var exactLoss = 0.0
  var greedyChanges = 0

  mutating func add(_ effect: TokenEffect) {
    tokens += 1
    lossIncrease += effect.loss - effect.exactLoss
    divergence += effect.divergence
    exactLoss += effect.exactLoss
    if !effect.keepsGreedy { greedyChanges += 1 }
  }

  static let figureCount = 5
  /// As numbers, for a file.
  var figures: [Double] { [Double(tokens), lossIncrease, divergence, exactLoss, Double(greedyChanges)] }

  package init() {}
  init(figures: [Double], at start: Int) {
    tokens = Int(exactly: figures[start]) ?? 0
    lossIncrease = figures[start + 1]
    divergence = figures[start + 2]
    exactLoss = figures[start + 3]
    greedyChanges = Int(exactly: figures[start + 4]) ?? 0
  }
}

/// What one target did to one text, or to all.
public struct PairedRow: Sendable, Hashable, Encodable {
  /// The text's name, or "all".
  public let name: String
  /// The wanted increase of perplexity, as a share.
  public let target: Double
  /// Predicted tokens.
  public let tokens: Int
  /// Perplexity under Top-K.
  public let perplexity: Double
  /// The measured increase of perplexity, as a share, with its 95 % interval: exp of the mean paired difference of log-loss,
  /// windows as independent draws.
  public let increase: Estimate
  /// The increase that the Kullback-Leibler divergence from the exact answers foretells: the part that no luck of the
  /// text is in.
  public let expected: Double
  /// Share of tokens whose most probable next token changed.
  public let greedyChanges: Double

  private enum CodingKeys: String, CodingKey {
    case name = "text"
    case target, tokens, perplexity, increase, expected
    case greedyChanges = "greedy_changes"
  }

  init(_ name: String, target: Double, _ windows: [WindowEffect]) {
    self.name = name
    self.target = target
    let tokens = windows.reduce(0) { $0 + $1.tokens }
    let count = Double(max(1, tokens))
    self.tokens = tokens
    perplexity = exp(windows.reduce(0) { $0 + $1.exactLoss } / count)
    let mean = windows.reduce(0) { $0 + $1.lossIncrease } / count
    let half = 1.96 * RatioError.of(windows.map { ($0.lossIncrease, Double($0.tokens)) })
    increase = Estimate(value: expm1(mean), low: expm1(mean - half), high: expm1(mean + half))
    expected = expm1(windows.reduce(0) { $0 + $1.divergence } / count)
    greedyChanges = Double(windows.reduce(0) { $0 + $1.greedyChanges }) / count
  }
}

/// The standard error of a ratio of sums.
enum RatioError {
  /// Of Σa / Σb over independent pairs, by linearisation (W. G. Cochran, Sampling Techniques, 1977, §6.4).
  static func of(_ pairs: [(Double, Double)]) -> Double {
    let below = pairs.reduce(0) { $0 + $1.1 }
    guard pairs.count > 1, below != 0 else { return .infinity }
    let ratio = pairs.reduce(0) { $0 + $1.0 } / below
    let squares = pairs.reduce(0) { $0 + ($1.0 - ratio * $1.1) * ($1.0 - ratio * $1.1) }
    let n = Double(pairs.count)
    return (squares * n / (n - 1)).squareRoot() / abs(below)
  }
}

/// The table of `siftctl eval --paired`.
public struct PairedReport: Sendable, Hashable {
  public let policy: PolicyName
  /// By text and target, the rows over all texts last.
  public let rows: [PairedRow]

  /// In Markdown.
  public var table: String {
    var lines = [
      "| text | tokens | perplexity | target | measured (95 %) | of target | by divergence | greedy changes |",
      "|---|---|---|---|---|---|---|---|",
    ]
    func percent(_ share: Double, _ digits: Int = 2) -> String { FigureText.fixed(share * 100, digits) }
    for row in rows {
      lines.append(
        "| \(row.name) | \(row.tokens) | \(FigureText.fixed(row.perplexity, 2)) | \(percent(row.target, 1)) % "
          + "| \(percent(row.increase.value)) % (\(percent(row.increase.low)) to \(percent(row.increase.high))) "
          + "| \(FigureText.fixed(row.increase.value / row.target, 2)) | \(percent(row.expected)) % "
          + "| \(percent(row.greedyChanges, 1)) % |")
    }
    return lines.joined(separator: "\n")
  }

  /// One line of JSON a row.
  public func json() throws(ToolFailure) -> String {
    var lines: [String] = []
    for row in rows { lines.append(try PrettyJSON.line(row)) }
    return lines.joined(separator: "\n")
  }
}

extension EvalBench {
  /// Reads all texts exactly and once for each target, side by side.
  func paired(_ policy: PolicyName, targets: [Double]) throws(ToolFailure) -> PairedReport {
    var selectors: [EvalSelector] = []
    for target in targets { selectors.append(selector(try knob(policy, forIncrease: target))) }
    let windows = TextWindows.cut(texts, window)
    var effects = targets.map { _ in [WindowEffect]() }
    let bar = ProgressBar(label: "paired", unit: "tokens", total: windows.reduce(0) { $0 + $1.tokens.count })
    defer { bar.finish() }
    do {
      let reader = try PairedReader(engine: model.engine, window: window, selectors: selectors)
      for window in windows {
        for variant in targets.indices { effects[variant].append(WindowEffect()) }
        try reader.read(window: window.tokens) { variant, effect in
          effects[variant][effects[variant].count - 1].add(effect)
        }
        bar.advance(by: window.tokens.count)
      }
    } catch {
      throw ToolFailure(.failure, error)
    }
    var rows: [PairedRow] = []
    for text in texts.indices {
      let own = windows.indices.filter { windows[$0].text == text }
      for (variant, target) in targets.enumerated() {
        rows.append(PairedRow(names[text], target: target, own.map { effects[variant][$0] }))
      }
    }
    for (variant, target) in targets.enumerated() {
      rows.append(PairedRow("all", target: target, effects[variant]))
    }
    return PairedReport(policy: policy, rows: rows)
  }
}
