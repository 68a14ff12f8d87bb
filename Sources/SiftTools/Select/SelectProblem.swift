// The JSON form of a selection problem, kind "token" (docs/formats, `siftctl select`).

import ExpertExec
import SiftPolicy

/// A problem of kind "token" with the names of its nodes.
public struct SelectProblem: Sendable {
  public let problem: TokenProblem
  /// `[place]`: "local", then the ids of the nodes.
  public let placeNames: [String]
  /// Fields that the format does not know, which are passed over: misspelt optional ones, mostly.
  public let unknownFields: [String]

  static let expertsMax = 4096

  /// Reads a problem.
  /// - Throws: `FieldError` naming the first field that is wrong.
  public init(json bytes: some Collection<UInt8>) throws(FieldError) {
    try self.init(FieldReader(json: bytes))
  }

  init(_ top: FieldReader) throws(FieldError) {
    _ = try top.integer("version", in: 1...1)
    let kind = try top.string("kind")
    guard kind == "token" else { throw FieldError("kind", "must be \"token\" or \"batch\", not \"\(kind)\"") }
    let experts = try top.integer("experts", in: 1...Self.expertsMax)
    let nodes = try Self.nodes(top, experts)
    unknownFields = try Self.unknown(top)
    placeNames = ["local"] + nodes.map(\.name)
    problem = TokenProblem(
      routed: try Self.routed(top, experts), distance: try Self.distance(top, experts),
      allowSkip: try top.bool("allow_skip"), allowReplace: try top.bool("allow_replace"),
      places: [try Self.local(top, experts)] + nodes.map(\.place),
      wakeEnergy: try top.amount("remote_wake_j", absent: 0), wakeTime: try top.amount("remote_wake_s", absent: 0),
      errorBudget: try top.amount("error_budget"), latencyLimit: try top.amount("latency_s"))
  }

  private static func unknown(_ top: FieldReader) throws(FieldError) -> [String] {
    let place: Set<String> = ["experts", "compute_j", "compute_s"]
    var unknown = top.unknown([
      "version", "kind", "experts", "routed", "distance", "skip_distance", "allow_skip", "allow_replace", "local",
      "nodes", "remote_wake_j", "remote_wake_s", "error_budget", "latency_s",
    ])
    unknown += try FieldReader(try top.value("local"), path: "local").unknown(place)
    for (index, node) in try top.array("nodes").enumerated() {
      let reader = try FieldReader(node, path: "nodes[\(index)]")
      unknown += reader.unknown(place.union(["id", "radio_j", "airtime_s"]))
    }
    return unknown
  }

  /// The routed experts of one token: the field `routed` of `owner`.
  static func routed(
    _ owner: FieldReader, _ experts: Int, most: Int = TokenProblem.routedMax
  ) throws(FieldError) -> [RoutedExpert] {
    let entries = try owner.array("routed")
    guard entries.count <= most else {
      throw FieldError(owner.name("routed"), "has \(entries.count) entries; at most \(most) are decided")
    }
    var routed: [RoutedExpert] = []
    for (index, entry) in entries.enumerated() {
      let reader = try FieldReader(entry, path: "\(owner.name("routed"))[\(index)]")
      let expert = try reader.integer("expert", in: 0...(experts - 1))
      guard !routed.contains(where: { $0.expert == expert }) else {
        throw FieldError(reader.name("expert"), "expert \(expert) is routed twice")
      }
      routed.append(RoutedExpert(expert: expert, weight: try reader.amount("weight")))
    }
    return routed
  }

  static func distance(_ top: FieldReader, _ experts: Int) throws(FieldError) -> DistanceMatrix {
    let rows = try top.array("distance")
    guard rows.count == experts else {
      throw FieldError("distance", "must have \(experts) rows, not \(rows.count)")
    }
    var replacing: [Double] = []
    replacing.reserveCapacity(experts * experts)
    for (index, row) in rows.enumerated() {
      let figures = try FieldReader.amounts(row, "distance[\(index)]", count: experts)
      guard figures[index] == 0 else {
        throw FieldError("distance[\(index)][\(index)]", "must be 0: an expert's distance to itself")
      }
      replacing += figures
    }
    return DistanceMatrix(
      experts: experts, replacing: replacing, skipping: try top.amounts("skip_distance", count: experts))
  }

  private static func local(_ top: FieldReader, _ experts: Int) throws(FieldError) -> ExpertPlace {
    let reader = try FieldReader(try top.value("local"), path: "local")
    return ExpertPlace(
      experts: try reader.ids("experts", below: experts), computeEnergy: try reader.amount("compute_j"),
      computeTime: try reader.amount("compute_s"))
  }

  private static func nodes(
    _ top: FieldReader, _ experts: Int
  ) throws(FieldError) -> [(name: String, place: ExpertPlace)] {
    let entries = try top.array("nodes")
    guard entries.count < TokenProblem.placesMax else {
      throw FieldError("nodes", "has \(entries.count) entries; at most \(TokenProblem.placesMax - 1) are decided")
    }
    var names: Set<String> = ["local"]
    var nodes: [(name: String, place: ExpertPlace)] = []
    for (index, entry) in entries.enumerated() {
      let reader = try FieldReader(entry, path: "nodes[\(index)]")
      let name = try reader.string("id")
      guard names.insert(name).inserted else {
        throw FieldError(reader.name("id"), "\"\(name)\" is taken: ids are distinct, and \"local\" is the gateway")
      }
      let place = ExpertPlace(
        experts: try reader.ids("experts", below: experts), radioEnergy: try reader.amount("radio_j"),
        airtime: try reader.amount("airtime_s"), computeEnergy: try reader.amount("compute_j"),
        computeTime: try reader.amount("compute_s"))
      nodes.append((name, place))
    }
    return nodes
  }
}
