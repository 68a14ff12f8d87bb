// The JSON form of an answer to a selection problem.

import SiftPolicy

extension SelectProblem {
  /// Decides the problem and gives the answer as one line of JSON without a newline.
  ///
  /// With a policy that proves nothing, `lower_bound_j` is the exact selector's bound for the same problem.
  public func answerJSON(policy name: PolicyName? = nil) -> String {
    let exact = ExpertPolicy(.siftmoeToken).decide(problem)
    guard let name, !name.isExact else {
      return exact.feasible ? decision(exact, bound: exact.lowerBound, proved: true) : refusal(exact)
    }
    let answer = ExpertPolicy(name).decide(problem)
    return decision(answer, bound: exact.feasible ? exact.lowerBound : nil, proved: false)
  }

  private func refusal(_ answer: TokenAnswer) -> String {
    "{\"feasible\": false, \"least_error\": \(answer.leastError.map { "\($0)" } ?? "null")}"
  }

  private func decision(_ answer: TokenAnswer, bound: Double?, proved: Bool) -> String {
    var fields = [
      "\"feasible\": \(answer.feasible)", "\"optimal\": \(proved && answer.optimal)",
      "\"energy_j\": \(answer.energy)", "\"lower_bound_j\": \(bound.map { "\($0)" } ?? "null")",
      "\"error\": \(answer.error)", "\"latency_s\": \(answer.latency)",
    ]
    if !answer.violates.isEmpty { fields.append("\"violates\": \(violations(answer.violates))") }
    let choices = zip(problem.routed, answer.choices).map { routed, choice in
      let served =
        choice.isSkip
        ? "\"target\": null, \"node\": null"
        : "\"target\": \(choice.target), \"node\": \(JSONText.quoted(placeNames[choice.place]))"
      return "{\"expert\": \(routed.expert), \(served)}"
    }
    fields.append("\"choices\": [\(choices.joined(separator: ", "))]")
    return "{" + fields.joined(separator: ", ") + "}"
  }

  private func violations(_ limits: BrokenLimits) -> String {
    var names: [String] = []
    if limits.contains(.error) { names.append("\"error\"") }
    if limits.contains(.latency) { names.append("\"latency\"") }
    return "[" + names.joined(separator: ", ") + "]"
  }
}

/// Strings as JSON writes them.
enum JSONText {
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
