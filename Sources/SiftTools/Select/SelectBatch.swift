// The JSON form of a selection problem and answer, kind "batch" (docs/formats, `siftctl select`).

import ExpertExec
import SiftPolicy

/// A problem of kind "batch" with the names of its nodes.
public struct SelectBatch: Sendable {
  public let problem: BatchProblem
  /// `[place]`: "local", then the ids of the nodes.
  public let placeNames: [String]
  /// Fields that the format does not know, which are passed over: misspelt optional ones, mostly.
  public let unknownFields: [String]

  static let tokensMax = 4096

  /// Reads a problem.
  /// - Throws: `FieldError` naming the first field that is wrong.
  public init(json bytes: some Collection<UInt8>) throws(FieldError) {
    try self.init(FieldReader(json: bytes))
  }

  init(_ top: FieldReader) throws(FieldError) {
    _ = try top.integer("version", in: 1...1)
    let experts = try top.integer("experts", in: 1...SelectProblem.expertsMax)
    let entries = try top.array("tokens")
    guard (1...Self.tokensMax).contains(entries.count) else {
      throw FieldError("tokens", "has \(entries.count) entries; 1 to \(Self.tokensMax) are decided")
    }
    var tokens: [[RoutedExpert]] = []
    for (index, entry) in entries.enumerated() {
      let reader = try FieldReader(entry, path: "tokens[\(index)]")
      tokens.append(try SelectProblem.routed(reader, experts, most: BatchProblem.routedMax))
    }
    var places = [try Self.place(try FieldReader(try top.value("local"), path: "local"), experts, tables: nil)]
    var names = ["local"]
    for (index, node) in try top.array("nodes").enumerated() {
      let reader = try FieldReader(node, path: "nodes[\(index)]")
      let name = try reader.string("id")
      guard !names.contains(name) else {
        throw FieldError(reader.name("id"), "\"\(name)\" is taken: ids are distinct, and \"local\" is the gateway")
      }
      names.append(name)
      places.append(try Self.place(reader, experts, tables: tokens.count + 1))
    }
    guard places.count <= BatchProblem.placesMax else {
      throw FieldError("nodes", "has \(places.count - 1) entries; at most \(BatchProblem.placesMax - 1) are decided")
    }
    placeNames = names
    unknownFields = try Self.unknown(top)
    problem = BatchProblem(
      tokens: tokens, distance: try SelectProblem.distance(top, experts), allowSkip: try top.bool("allow_skip"),
      allowReplace: try top.bool("allow_replace"), places: places,
      wakeEnergy: try top.amount("remote_wake_j", absent: 0), wakeTime: try top.amount("remote_wake_s", absent: 0),
      errorBudget: try top.amount("error_budget"), errorMax: try top.amount("error_max", absent: .infinity),
      latencyLimit: try top.amount("latency_s"))
  }

  private static func unknown(_ top: FieldReader) throws(FieldError) -> [String] {
    let place: Set<String> = ["experts", "compute_j", "compute_s", "load_j", "load_s"]
    var unknown = top.unknown([
      "version", "kind", "experts", "tokens", "distance", "skip_distance", "allow_skip", "allow_replace", "local",
      "nodes", "remote_wake_j", "remote_wake_s", "error_budget", "error_max", "latency_s",
    ])
    for (index, token) in try top.array("tokens").enumerated() {
      unknown += try FieldReader(token, path: "tokens[\(index)]").unknown(["routed"])
    }
    unknown += try FieldReader(try top.value("local"), path: "local").unknown(place)
    for (index, node) in try top.array("nodes").enumerated() {
      unknown += try FieldReader(node, path: "nodes[\(index)]").unknown(place.union(["id", "radio_j", "airtime_s"]))
    }
    return unknown
  }

  /// - Parameter tables: length of the radio tables; nil for the gateway, which has none.
  private static func place(_ reader: FieldReader, _ experts: Int, tables: Int?) throws(FieldError) -> BatchPlace {
    var place = BatchPlace(
      experts: try reader.ids("experts", below: experts), computeEnergy: try reader.amount("compute_j"),
      computeTime: try reader.amount("compute_s"), loadEnergy: try reader.amount("load_j", absent: 0),
      loadTime: try reader.amount("load_s", absent: 0))
    guard let tables else { return place }
    place.radioEnergy = try reader.amounts("radio_j", count: tables)
    place.airtime = try reader.amounts("airtime_s", count: tables)
    guard place.radioEnergy[0] == 0 else {
      throw FieldError("\(reader.name("radio_j"))[0]", "must be 0: the cost of serving nobody")
    }
    guard place.airtime[0] == 0 else {
      throw FieldError("\(reader.name("airtime_s"))[0]", "must be 0: the cost of serving nobody")
    }
    return place
  }

  /// Decides the batch and gives the answer as one line of JSON without a newline.
  ///
  /// A policy that knows nothing of batches decides token by token, each with the price of a node's first token; `xshare`
  /// takes the tokens as one batch.
  public func answerJSON(policy name: PolicyName? = nil) -> String {
    let selector = BatchSelector(effort: .thorough)
    let answer = selector.solve(problem)
    guard let name, !name.isExact else {
      if !answer.feasible {
        let least = selector.leastError(problem)
        return "{\"feasible\": false, \"least_error\": \(least.map { "\($0)" } ?? "null")}"
      }
      return decision(answer.choices, bound: answer.lowerBound, feasible: true, violates: [])
    }
    let policy = ExpertPolicy(name)
    let tokens = problem.tokens.map(tokenProblem)
    policy.beginBatch(experts: problem.distance.experts)
    for token in tokens { policy.addToken(token) }
    policy.endBatch(knob: problem.errorBudget)
    let choices = tokens.map { policy.decide($0).choices }
    let check = BatchCheck(problem, choices: choices)
    var violates: [String] = []
    if !Tolerance.permits(check.errorMean, limit: problem.errorBudget)
      || !Tolerance.permits(check.errorWorst, limit: problem.errorMax)
    {
      violates.append("\"error\"")
    }
    if !Tolerance.permits(check.latency, limit: problem.latencyLimit) { violates.append("\"latency\"") }
    let bound = answer.feasible ? answer.lowerBound : .infinity
    return decision(choices, bound: bound, feasible: violates.isEmpty, violates: violates)
  }

  private func tokenProblem(_ routed: [RoutedExpert]) -> TokenProblem {
    TokenProblem(
      routed: routed, distance: problem.distance, allowSkip: problem.allowSkip, allowReplace: problem.allowReplace,
      places: problem.places.enumerated().map { at, place in
        ExpertPlace(
          experts: place.experts, radioEnergy: at == 0 ? 0 : place.radioEnergy[1],
          airtime: at == 0 ? 0 : place.airtime[1], computeEnergy: place.computeEnergy, computeTime: place.computeTime)
      }, wakeEnergy: problem.wakeEnergy, wakeTime: problem.wakeTime, errorBudget: problem.errorBudget,
      latencyLimit: problem.latencyLimit)
  }

  private func decision(_ choices: [[TokenChoice]], bound: Double, feasible: Bool, violates: [String]) -> String {
    let check = BatchCheck(problem, choices: choices)
    var fields = [
      "\"feasible\": \(feasible)", "\"energy_j\": \(check.energy)",
      "\"lower_bound_j\": \(bound < .infinity ? "\(bound)" : "null")", "\"error_mean\": \(check.errorMean)",
      "\"error_worst\": \(check.errorWorst)", "\"latency_s\": \(check.latency)",
    ]
    if !violates.isEmpty { fields.append("\"violates\": [\(violates.joined(separator: ", "))]") }
    let tokens = zip(problem.tokens, choices).map { routed, own in
      "{\"choices\": [\(zip(routed, own).map(choice).joined(separator: ", "))]}"
    }
    fields.append("\"tokens\": [\(tokens.joined(separator: ", "))]")
    return "{" + fields.joined(separator: ", ") + "}"
  }

  private func choice(_ routed: RoutedExpert, _ choice: TokenChoice) -> String {
    choice.isSkip
      ? "{\"expert\": \(routed.expert), \"target\": null, \"node\": null}"
      : "{\"expert\": \(routed.expert), \"target\": \(choice.target), "
        + "\"node\": \(JSONText.quoted(placeNames[choice.place]))}"
  }
}
