// The obvious twin of the engine: one token after another, one number after another, in f64, from the description.

import CExpertKernels
import ExpertExec

/// A forward pass as a textbook has it. Shares the opened files with the engine and nothing else.
struct PlainModel {
  typealias Row = [Double]
  let description: ModelDescription
  let weights: ModelWeights

  init(_ engine: Engine) {
    description = engine.description
    weights = engine.files.weights
  }

  /// Logits of the last token of `tokens`.
  func logits(_ tokens: [Int32]) -> Row {
    var stream = tokens.map { row(weights.embedding, Int($0)) }
    for layer in description.layers.indices {
      let parts = weights.layers[layer]
      let mixed = attention(stream.map { norm($0, parts.attentionNorm) }, parts)
      for t in stream.indices { stream[t] = plus(stream[t], mixed[t]) }
      for t in stream.indices { stream[t] = plus(stream[t], feed(norm(stream[t], parts.mlpNorm), parts, layer)) }
    }
    return apply(weights.output, norm(stream[stream.count - 1], weights.finalNorm))
  }

  private func attention(_ inputs: [Row], _ parts: LayerWeights) -> [Row] {
    let shape = description.attention
    let (heads, groups, h) = (shape.queryHeads, shape.keyValueHeads, shape.headWidth)
    var queries: [[Row]] = []
    var keys: [[Row]] = []
    var values: [[Row]] = []
    for (t, input) in inputs.enumerated() {
      queries.append(turned(apply(parts.query, input), parts.queryNorm, heads, t))
      keys.append(turned(apply(parts.key, input), parts.keyNorm, groups, t))
      values.append(split(apply(parts.value, input), groups))
    }
    return inputs.indices.map { t in
      var gathered: Row = []
      for head in 0..<heads {
        let group = head / (heads / groups)
        let scores = (0...t).map { s in zip(queries[t][head], keys[s][group]).reduce(0) { $0 + $1.0 * $1.1 } }
        let shares = softmax(scores.map { $0 / Double(h).squareRoot() })
        gathered += (0..<h).map { d in (0...t).reduce(0) { $0 + shares[$1] * values[$1][group][d] } }
      }
      return apply(parts.attentionOutput, gathered)
    }
  }

  /// Heads after norm and rotation.
  private func turned(_ projection: Row, _ norm: BoundTensor?, _ heads: Int, _ position: Int) -> [Row] {
    var whole = projection
    if let norm, description.attention.queryKeyNorm == .wholeProjection { whole = self.norm(whole, norm) }
    return split(whole, heads).map { part in
      var head = part
      if let norm, description.attention.queryKeyNorm == .perHead { head = self.norm(head, norm) }
      let half = head.count / 2
      var out = head
      for i in 0..<half {
        let angle = Double(position) * power(description.rope.base, -2 * Double(i) / Double(head.count))
        out[i] = head[i] * cosine(angle) - head[i + half] * sine(angle)
        out[i + half] = head[i + half] * cosine(angle) + head[i] * sine(angle)
      }
      return out
    }
  }

  private func feed(_ input: Row, _ parts: LayerWeights, _ layer: Int) -> Row {
    guard case .sparse(let router, let experts) = parts.mlp, let rule = description.layers[layer].router else {
      if case .dense(let weights) = parts.mlp { return mlp(weights, input) }
      return []
    }
    let shares = softmax(apply(router, input))
    let best = shares.indices.sorted { (shares[$0], $1) > (shares[$1], $0) }.prefix(rule.perToken)
    let total = rule.renormalises ? best.reduce(0) { $0 + shares[$1] } : 1
    return best.reduce(Row(repeating: 0, count: input.count)) { sum, expert in
      plus(sum, mlp(experts[expert], input).map { $0 * shares[expert] / total })
    }
  }

  private func mlp(_ weights: MLPWeights, _ input: Row) -> Row {
    let inner = zip(apply(weights.gate, input), apply(weights.up, input)).map { $0 / (1 + exponential(-$0)) * $1 }
    return apply(weights.down, inner)
  }

  // MARK: Numbers

  private func row(_ tensor: BoundTensor, _ index: Int) -> Row {
    (0..<tensor.columns).map { column in
      let at = index * tensor.columns + column
      switch tensor.type {
      case EK_F32: return Double(tensor.pointer.loadUnaligned(fromByteOffset: at * 4, as: Float.self))
      case EK_BF16:
        let bits = tensor.pointer.loadUnaligned(fromByteOffset: at * 2, as: UInt16.self)
        return Double(Float(bitPattern: UInt32(bits) << 16))
      default: return Self.half(tensor.pointer.loadUnaligned(fromByteOffset: at * 2, as: UInt16.self))
      }
    }
  }

  private static func half(_ bits: UInt16) -> Double {
    let magnitude =
      bits & 0x7C00 == 0
      ? Double(bits & 0x3FF) * 0x1p-24
      : Double(sign: .plus, exponent: Int(bits >> 10 & 31) - 25, significand: Double(bits & 0x3FF | 0x400))
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  private func apply(_ tensor: BoundTensor, _ x: Row) -> Row {
    (0..<tensor.rows).map { r in zip(row(tensor, r), x).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  private func norm(_ x: Row, _ weight: BoundTensor) -> Row {
    let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let scale = 1 / (mean + Double(description.normEpsilon)).squareRoot()
    return zip(x, row(weight, 0)).map { $0 * scale * $1 }
  }

  private func softmax(_ x: Row) -> Row {
    let greatest = x.max() ?? 0
    let powers = x.map { exponential($0 - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  private func split(_ x: Row, _ parts: Int) -> [Row] {
    let size = x.count / parts
    return (0..<parts).map { Array(x[$0 * size..<($0 + 1) * size]) }
  }

  private func plus(_ a: Row, _ b: Row) -> Row { zip(a, b).map { $0 + $1 } }
}
