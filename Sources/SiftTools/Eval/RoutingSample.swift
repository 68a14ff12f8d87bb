// The routing of sample tokens under Top-K: enough to foretell what a policy would book, without running the model again.

import ExpertExec
import SiftCore
import SiftPolicy

/// Routed experts and router weights of some tokens in every layer.
struct RoutingSample: Sendable {
  /// `[layer]` → `[token, rank]`.
  private(set) var experts: [[Int32]]
  private(set) var weights: [[Float]]
  private(set) var tokens = 0
  let perToken: Int

  /// Tokens that a sample has at most, about.
  static let tokensMax = 8_192

  /// Takes whole windows, evenly spread over the texts, through the model with Top-K.
  init(
    _ model: LoadedModel, _ texts: [[Int32]], window: Int, label: String
  ) throws(ToolFailure) {
    perToken = model.perToken
    experts = model.experts.map { _ in [] }
    weights = experts.map { _ in [] }
    let windows = TextWindows.cut(texts, window)
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    let step = max(1, (total + Self.tokensMax - 1) / Self.tokensMax)
    let taken = stride(from: 0, to: windows.count, by: step).map { windows[$0].tokens.dropLast() }
    let probe = RoutingProbe(layers: experts.count)
    let bar = ProgressBar(label: label, unit: "tokens", total: taken.reduce(0) { $0 + $1.count })
    defer { bar.finish() }
    do {
      let session = try InferenceSession(
        engine: model.engine, options: SessionOptions(maxRows: window, maxLogitRows: 1, cacheTokens: window))
      session.probe = probe
      for tokens in taken {
        let id = try session.open(capacity: tokens.count)
        defer { session.close(id) }
        try session.forward([Chunk(sequence: id, tokens: tokens, wanted: .none)])
        self.tokens += tokens.count
        bar.advance(by: tokens.count)
      }
    } catch {
      throw ToolFailure(.failure, error)
    }
    experts = probe.experts
    weights = probe.weights
  }

  /// Q: mean over the tokens of the booked mean square error of all layers (or of one).
  func error(_ decider: TokenDecider, onlyLayer: Int? = nil) -> Double {
    var sum = 0.0
    for layer in experts.indices where (onlyLayer ?? layer) == layer {
      guard let squares = decider.measures.squares[layer] else { continue }
      for base in stride(from: 0, to: experts[layer].count, by: perToken)
      where decider.decide(layer: layer, experts[layer], weights[layer], at: base, perToken: perToken) {
        for rank in 0..<perToken {
          sum += squares.error(
            Double(weights[layer][base + rank]), Int(experts[layer][base + rank]), decider.choices[rank])
        }
      }
    }
    return sum / Double(max(1, tokens))
  }
}

/// One window of a text.
struct TextWindow: Sendable {
  /// Index of its text.
  var text: Int
  var tokens: ArraySlice<Int32>
}

enum TextWindows {
  /// Cuts texts into windows; a last, shorter one counts if it has `least` tokens or more.
  static func cut(_ texts: [[Int32]], _ window: Int, least: Int = 2) -> [TextWindow] {
    var windows: [TextWindow] = []
    for (index, text) in texts.enumerated() {
      for start in stride(from: 0, to: text.count, by: window) where text.count - start >= least {
        windows.append(TextWindow(text: index, tokens: text[start..<min(start + window, text.count)]))
      }
    }
    return windows
  }
}

private final class RoutingProbe: ForwardProbe {
  var experts: [[Int32]]
  var weights: [[Float]]

  init(layers: Int) {
    experts = Array(repeating: [], count: layers)
    weights = Array(repeating: [], count: layers)
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    self.experts[layer].append(contentsOf: experts)
    self.weights[layer].append(contentsOf: weights)
  }
}
