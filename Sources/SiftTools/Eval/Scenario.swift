// A pretended cluster: where experts would lie and what reaching them would cost (docs/formats, `siftctl eval`).

import ExpertExec
import SiftPolicy

/// A scenario: costs as in a selection problem of kind "token", for every layer and token.
public struct Scenario: Sendable, Hashable {
  /// `[place]`: "local", then the ids of the nodes.
  public var names: [String]
  /// `[place]`, with the figures that are the same in all layers and no experts.
  public var places: [ExpertPlace]
  /// `[place][layer]` → expert ids.
  public var experts: [[[Int]]]
  public var wakeEnergy: Double
  public var wakeTime: Double
  /// Seconds that a layer's experts may take for a token.
  public var latencyLimit: Double

  /// Everything at the gateway, and nothing costs anything.
  public static func allLocal(experts: [Int]) -> Scenario {
    Scenario(
      names: ["local"], places: [ExpertPlace(experts: [])], experts: [experts.map { Array(0..<$0) }], wakeEnergy: 0,
      wakeTime: 0, latencyLimit: .infinity)
  }

  /// Every second expert at the gateway for nothing, the others at a node that costs something to visit; no limit in time.
  /// - Parameter far: 0: the even experts are far, 1: the odd ones.
  static func halfRemote(experts: [Int], far: Int) -> Scenario {
    Scenario(
      names: ["local", "far"], places: [ExpertPlace(experts: []), ExpertPlace(experts: [], radioEnergy: 1)],
      experts: [1 - far, far].map { parity in experts.map { count in (0..<count).filter { $0 % 2 == parity } } },
      wakeEnergy: 0, wakeTime: 0, latencyLimit: .infinity)
  }

  /// Reads a scenario for layers of `counts` experts each (0 for a dense layer).
  /// - Throws: `FieldError` naming the first field that is wrong.
  public init(json bytes: some Collection<UInt8>, experts counts: [Int]) throws(FieldError) {
    let top = try FieldReader(json: bytes)
    _ = try top.integer("version", in: 1...1)
    wakeEnergy = try top.amount("remote_wake_j", absent: 0)
    wakeTime = try top.amount("remote_wake_s", absent: 0)
    latencyLimit = try top.amount("latency_s")
    let local = try FieldReader(try top.value("local"), path: "local")
    names = ["local"]
    places = [
      ExpertPlace(
        experts: [], computeEnergy: try local.amount("compute_j"), computeTime: try local.amount("compute_s"))
    ]
    experts = [try Self.experts(local, counts)]
    let nodes = try top.array("nodes")
    guard nodes.count < TokenProblem.placesMax else {
      throw FieldError("nodes", "has \(nodes.count) entries; at most \(TokenProblem.placesMax - 1) are decided")
    }
    for (index, value) in nodes.enumerated() {
      try add(FieldReader(value, path: "nodes[\(index)]"), counts)
    }
    try checkThatEveryExpertIsSomewhere(counts)
  }

  private init(
    names: [String], places: [ExpertPlace], experts: [[[Int]]], wakeEnergy: Double, wakeTime: Double,
    latencyLimit: Double
  ) {
    self.names = names
    self.places = places
    self.experts = experts
    self.wakeEnergy = wakeEnergy
    self.wakeTime = wakeTime
    self.latencyLimit = latencyLimit
  }

  private mutating func add(_ node: FieldReader, _ counts: [Int]) throws(FieldError) {
    let name = try node.string("id")
    guard !names.contains(name) else {
      throw FieldError(node.name("id"), "\"\(name)\" is taken: ids are distinct, and \"local\" is the gateway")
    }
    names.append(name)
    experts.append(try Self.experts(node, counts))
    places.append(
      ExpertPlace(
        experts: [], radioEnergy: try node.amount("radio_j"), airtime: try node.amount("airtime_s"),
        computeEnergy: try node.amount("compute_j"), computeTime: try node.amount("compute_s")))
  }

  /// One list for all layers, or an object with one list a layer.
  private static func experts(_ place: FieldReader, _ counts: [Int]) throws(FieldError) -> [[Int]] {
    let value = try place.value("experts")
    guard let object = value.object else {
      var lists: [[Int]] = []
      for count in counts {
        lists.append(count > 0 ? try FieldReader.ids(value, place.name("experts"), below: count) : [])
      }
      return lists
    }
    let reader = try FieldReader(value, path: place.name("experts"))
    let known = Set(counts.indices.map(String.init))
    if let key = object.members.map(\.key).first(where: { !known.contains($0) }) {
      throw FieldError(reader.name(key), "is no layer: the model has \(counts.count)")
    }
    var lists: [[Int]] = []
    for (layer, count) in counts.enumerated() {
      lists.append(count > 0 ? try reader.ids("\(layer)", below: count) : [])
    }
    return lists
  }

  private func checkThatEveryExpertIsSomewhere(_ counts: [Int]) throws(FieldError) {
    for (layer, count) in counts.enumerated() {
      let hosted = Set(experts.flatMap { $0[layer] })
      if let expert = (0..<count).first(where: { !hosted.contains($0) }) {
        throw FieldError("nodes", "expert \(expert) of layer \(layer) is nowhere")
      }
    }
  }
}
