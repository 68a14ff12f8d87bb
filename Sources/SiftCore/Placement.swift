// Where experts can be executed: which node hosts which experts of which layer.

/// Which experts of which layer each node hosts. An expert may be hosted at several nodes, or nowhere just now.
public struct Placement: Sendable, Hashable {
  /// `[node][layer]` → distinct expert ids; element 0 is the gateway itself.
  public var nodes: [[[Int]]]

  public init(nodes: [[[Int]]]) { self.nodes = nodes }

  /// Every expert at the gateway.
  /// - Parameter experts: `[layer]` → experts of the layer (0 for a dense one).
  public static func allLocal(experts: [Int]) -> Placement { Placement(nodes: [experts.map { Array(0..<$0) }]) }

  /// The experts that `node` hosts of `layer`; empty for a node or layer that is not listed.
  public func experts(node: Int, layer: Int) -> [Int] {
    guard nodes.indices.contains(node), nodes[node].indices.contains(layer) else { return [] }
    return nodes[node][layer]
  }

  /// What is wrong with this placement for layers of `experts` experts each, in one line; nil when nothing is.
  public func fault(experts: [Int]) -> String? {
    if nodes.isEmpty { return "the placement has no gateway" }
    for (node, layers) in nodes.enumerated() {
      if layers.count != experts.count {
        return "node \(node) lists \(layers.count) layers, the model has \(experts.count)"
      }
      for (layer, hosted) in layers.enumerated() {
        if let expert = hosted.first(where: { $0 < 0 || $0 >= experts[layer] }) {
          return "node \(node), layer \(layer): expert \(expert) does not exist, the layer has \(experts[layer])"
        }
        if Set(hosted).count != hosted.count { return "node \(node), layer \(layer): an expert is listed twice" }
      }
    }
    return nil
  }

  /// The first expert of `layer` that no node hosts; nil when all have a place.
  public func homeless(layer: Int, experts: Int) -> Int? {
    (0..<experts).first { expert in !nodes.contains { $0.indices.contains(layer) && $0[layer].contains(expert) } }
  }
}
