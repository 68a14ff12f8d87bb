// `siftctl select`: the documented form, and one line for everything that is malformed.

import ExpertExec
import SiftPolicy
import SiftTools
import Testing

@Suite struct SelectTests {
  /// Three experts: 0 local, 1 and 2 on n0; everything written out.
  static let example = """
    { "version": 1, "kind": "token", "experts": 3,
      "routed": [ {"expert": 2, "weight": 0.4}, {"expert": 0, "weight": 0.3} ],
      "distance": [[0.0, 0.7, 0.5], [0.6, 0.0, 1.0], [0.5, 0.25, 0.0]], "skip_distance": [1.0, 0.9, 1.0],
      "allow_skip": true, "allow_replace": true,
      "local": {"experts": [0], "compute_j": 0.25, "compute_s": 2e-4},
      "nodes": [ {"id": "n0", "experts": [1, 2], "radio_j": 0.5, "airtime_s": 9e-4, "compute_j": 0.25,
                  "compute_s": 3e-4} ],
      "error_budget": 0.1, "latency_s": 0.005 }
    """

  static func answer(_ text: String, policy: PolicyName? = nil) throws -> String {
    try SelectProblem(json: Array(text.utf8)).answerJSON(policy: policy)
  }

  @Test func theAnswerHasTheDocumentedForm() throws {
    #expect(
      try Self.answer(Self.example) == """
        {"feasible": true, "optimal": true, "energy_j": 1.0, "lower_bound_j": 1.0, "error": 0.0, \
        "latency_s": 0.0012, "choices": [{"expert": 2, "target": 2, "node": "n0"}, \
        {"expert": 0, "target": 0, "node": "local"}]}
        """)
  }

  @Test func aSkipHasNeitherTargetNorNode() throws {
    let text = Self.example.replacing("\"error_budget\": 0.1", with: "\"error_budget\": 9")
    #expect(
      try Self.answer(text) == """
        {"feasible": true, "optimal": true, "energy_j": 0.0, "lower_bound_j": 0.0, "error": 0.7, \
        "latency_s": 0.0, "choices": [{"expert": 2, "target": null, "node": null}, \
        {"expert": 0, "target": null, "node": null}]}
        """)
  }

  @Test func anInfeasibleProblemNamesTheLeastErrorOrNull() throws {
    let slow = Self.example.replacing("\"latency_s\": 0.005", with: "\"latency_s\": 0.001")
    #expect(try Self.answer(slow) == "{\"feasible\": false, \"least_error\": 0.2}")
    let nothing = slow.replacing(
      "\"allow_skip\": true, \"allow_replace\": true", with: "\"allow_skip\": false, \"allow_replace\": false")
    #expect(try Self.answer(nothing) == "{\"feasible\": false, \"least_error\": null}")
  }

  @Test func theWakePriceIsPaidOnce() throws {
    let text = Self.example.replacing(
      "\"error_budget\"", with: "\"remote_wake_j\": 0.5, \"remote_wake_s\": 0.001, \"error_budget\"")
    #expect(try Self.answer(text).contains("\"energy_j\": 1.5"))
  }

  @Test func anotherPolicySaysWhatItBreaks() throws {
    let text = Self.example.replacing("\"latency_s\": 0.005", with: "\"latency_s\": 0.001")
    let local = try Self.answer(text, policy: .localOnly)
    #expect(local.contains("\"feasible\": false") && local.contains("\"violates\": [\"error\"]"))
    let topk = try Self.answer(text, policy: .topk)
    #expect(topk.contains("\"violates\": [\"latency\"]") && topk.contains("\"error\": 0.0"))
  }

  @Test func aFieldThatTheFormatDoesNotKnowIsNamed() throws {
    let text = Self.example.replacing("\"error_budget\"", with: "\"remote_wake_J\": 0.5, \"error_budget\"")
    #expect(try SelectProblem(json: Array(text.utf8)).unknownFields == ["remote_wake_J"])
  }

  /// What is replaced, by what, and the field that the complaint must name.
  static let malformed: [(String, String, String)] = [
    ("\"version\": 1", "\"version\": 2", "version"),
    ("\"version\": 1, ", "", "version"),
    ("\"token\"", "\"tokens\"", "kind"),
    ("\"experts\": 3", "\"experts\": 0", "experts"),
    ("\"experts\": 3", "\"experts\": 2.5", "experts"),
    ("\"experts\": 3", "\"experts\": 99999999999999999999", "experts"),
    ("\"experts\": 3", "\"experts\": \"3\"", "experts"),
    ("\"expert\": 2", "\"expert\": 3", "routed[0].expert"),
    ("\"expert\": 2", "\"expert\": -1", "routed[0].expert"),
    ("\"expert\": 2", "\"expert\": 0", "routed[1].expert"),
    ("\"weight\": 0.4", "\"weight\": -0.4", "routed[0].weight"),
    ("\"weight\": 0.4", "\"weight\": true", "routed[0].weight"),
    ("\"weight\": 0.4", "\"weight\": null", "routed[0].weight"),
    ("[0.6, 0.0, 1.0]", "[0.6, 0.0]", "distance[1]"),
    ("[0.6, 0.0, 1.0]", "[0.6, 0.1, 1.0]", "distance[1][1]"),
    ("[0.6, 0.0, 1.0]", "[-0.6, 0.0, 1.0]", "distance[1][0]"),
    ("[0.6, 0.0, 1.0]", "[1e300, 0.0, 1.0]", "distance[1][0]"),
    (", [0.5, 0.25, 0.0]]", "]", "distance"),
    ("[1.0, 0.9, 1.0]", "[1.0, 0.9]", "skip_distance"),
    ("\"allow_skip\": true", "\"allow_skip\": 1", "allow_skip"),
    ("\"allow_replace\": true,", "", "allow_replace"),
    ("{\"experts\": [0],", "{\"experts\": [0, 0],", "local.experts[1]"),
    ("{\"experts\": [0],", "{\"experts\": [7],", "local.experts[0]"),
    ("\"compute_s\": 2e-4", "\"compute_s\": \"fast\"", "local.compute_s"),
    ("\"id\": \"n0\"", "\"id\": \"local\"", "nodes[0].id"),
    ("\"id\": \"n0\"", "\"id\": 5", "nodes[0].id"),
    ("\"radio_j\": 0.5", "\"radio_j\": -0.5", "nodes[0].radio_j"),
    ("\"airtime_s\": 9e-4, ", "", "nodes[0].airtime_s"),
    ("\"error_budget\": 0.1", "\"error_budget\": -0.1", "error_budget"),
    ("\"error_budget\": 0.1", "\"error_budget\": []", "error_budget"),
    ("\"latency_s\": 0.005", "\"latency_s\": -1", "latency_s"),
    (", \"latency_s\": 0.005", "", "latency_s"),
  ]

  @Test(arguments: malformed)
  func malformedProblemsAreRefusedByField(_ from: String, _ to: String, _ field: String) {
    let text = Self.example.replacing(from, with: to)
    #expect(text != Self.example)
    #expect {
      try SelectProblem(json: Array(text.utf8))
    } throws: {
      ($0 as? FieldError)?.field == field
    }
  }

  @Test(arguments: ["", "{", "[]", "3", "NaN", "{\"version\": 1}{", "\u{0}"])
  func whatIsNotAProblemIsRefused(_ text: String) {
    #expect(throws: FieldError.self) { try SelectProblem(json: Array(text.utf8)) }
  }

  @Test(arguments: ["NaN", "Infinity", "1e999", "-1e999", "01", "+1", ".5"])
  func whatIsNotAFigureIsRefused(_ figure: String) {
    let text = Self.example.replacing("\"error_budget\": 0.1", with: "\"error_budget\": \(figure)")
    #expect(throws: FieldError.self) { try SelectProblem(json: Array(text.utf8)) }
  }

  @Test func aFailureIsOneLineWithStatus64() {
    #expect {
      try SelectTool.run(path: "/nonexistent/problem.json", policy: nil)
    } throws: {
      ($0 as? ToolFailure)?.status == .noInput
    }
    #expect {
      try SelectTool.run(path: "-", policy: "fastest")
    } throws: {
      ($0 as? ToolFailure)?.status == .usage && !"\($0)".contains("\n")
    }
  }
}
