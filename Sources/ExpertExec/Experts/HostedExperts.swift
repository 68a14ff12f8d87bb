// Which experts can be executed in this process.

/// A yes or no for every expert of every layer.
struct HostedExperts {
  private let flags: Scratch<Bool>
  private let experts: Int
  private let layers: Int

  /// - Parameter hosted: `[layer][…]` expert ids; nil for all of them.
  /// - Throws: `SessionError.option` for a layer or an expert that does not exist.
  init(engine: Engine, hosted: [[Int]]?) throws(SessionError) {
    experts = engine.shape.experts
    layers = engine.shape.layers
    flags = try Scratch(layers * experts)
    if let hosted, hosted.count != layers {
      throw .option("hosted experts are given for \(hosted.count) layers, the model has \(layers)")
    }
    for layer in 0..<layers {
      let count = engine.experts(layer: layer)
      for expert in hosted?[layer] ?? Array(0..<count) {
        guard expert >= 0, expert < count else {
          throw .option("hosted expert \(expert) of layer \(layer) does not exist: the layer has \(count)")
        }
        flags[layer * experts + expert] = true
      }
    }
  }

  /// Whether `expert` of an existing layer can be executed here; false for any other number.
  @inline(__always)
  func contains(layer: Int, expert: Int32) -> Bool {
    expert >= 0 && expert < experts && flags[layer * experts + Int(expert)]
  }

  /// The experts of a layer in rising order.
  func list(layer: Int) -> [Int] {
    guard layer >= 0, layer < layers else { return [] }
    return (0..<experts).filter { flags[layer * experts + $0] }
  }
}
