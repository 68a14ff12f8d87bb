// `siftctl select`, kind "batch": the documented form, other policies, and what is said about unknown fields.

import ExpertExec
import SiftPolicy
import SiftTools
import Testing

@Suite struct SelectBatchTests {
  /// Two tokens, three experts: 0 local, 1 and 2 on n0.
  static let example = """
    { "version": 1, "kind": "batch", "experts": 3,
      "tokens": [ {"routed": [ {"expert": 2, "weight": 0.5}, {"expert": 0, "weight": 0.5} ]},
                  {"routed": [ {"expert": 2, "weight": 0.75}, {"expert": 1, "weight": 0.25} ]} ],
      "distance": [[0.0, 0.7, 0.5], [0.6, 0.0, 1.0], [0.5, 0.25, 0.0]], "skip_distance": [1.0, 0.8, 1.0],
      "allow_skip": true, "allow_replace": true,
      "local": {"experts": [0], "compute_j": 0.25, "compute_s": 2e-4},
      "nodes": [ {"id": "n0", "experts": [1, 2], "radio_j": [0, 0.5, 0.75], "airtime_s": [0, 0.001, 0.0015],
                  "compute_j": 0.25, "compute_s": 5e-4, "load_j": 0.125} ],
      "error_budget": 0.1, "latency_s": 0.005 }
    """

  static func answer(_ text: String, policy: PolicyName? = nil) throws -> String {
    try SelectBatch(json: Array(text.utf8)).answerJSON(policy: policy)
  }

  @Test func theAnswerHasTheDocumentedForm() throws {
    #expect(
      try Self.answer(Self.example) == """
        {"feasible": true, "energy_j": 1.625, "lower_bound_j": 1.624999998375, "error_mean": 0.1, \
        "error_worst": 0.2, "latency_s": 0.0025, "tokens": [{"choices": [{"expert": 2, "target": 2, "node": "n0"}, \
        {"expert": 0, "target": 0, "node": "local"}]}, {"choices": [{"expert": 2, "target": 2, "node": "n0"}, \
        {"expert": 1, "target": null, "node": null}]}]}
        """)
  }

  @Test func anInfeasibleBatchNamesTheLeastErrorOrNull() throws {
    let slow = Self.example.replacing("\"latency_s\": 0.005", with: "\"latency_s\": 0.001")
    // All at the gateway: 0.5 · 0.5, and 0.75 · 0.5 + 0.25 · 0.6.
    #expect(try Self.answer(slow) == "{\"feasible\": false, \"least_error\": 0.3875}")
    let nothing = slow.replacing(
      "\"allow_skip\": true, \"allow_replace\": true", with: "\"allow_skip\": false, \"allow_replace\": false")
    #expect(try Self.answer(nothing) == "{\"feasible\": false, \"least_error\": null}")
  }

  @Test func otherPoliciesSayWhatTheyBreak() throws {
    let local = try Self.answer(Self.example, policy: .localOnly)
    #expect(local.contains("\"feasible\": false") && local.contains("\"violates\": [\"error\"]"))
    #expect(local.contains("\"lower_bound_j\": 1.62499999"))
  }

  @Test func xshareTakesTheTokensAsOneBatch() throws {
    let text = Self.example.replacing("\"error_budget\": 0.1", with: "\"error_budget\": 0.5")
    let shared = try Self.answer(text, policy: .xshare)
    // Half of three distinct experts, rounded up: expert 2 with 1.25 and expert 0 with 0.5. Expert 1 goes.
    #expect(shared.contains("{\"expert\": 1, \"target\": null, \"node\": null}"))
    #expect(shared.contains("{\"expert\": 0, \"target\": 0, \"node\": \"local\"}"))
  }

  @Test func fieldsThatTheFormatDoesNotKnowAreNamed() throws {
    let text = Self.example
      .replacing("\"error_budget\"", with: "\"errormax\": 0.5, \"error_budget\"")
      .replacing("\"load_j\"", with: "\"load_J\"")
      .replacing("\"compute_s\": 2e-4", with: "\"compute_s\": 2e-4, \"radio_j\": 0")
      .replacing(
        "{\"routed\": [ {\"expert\": 2, \"weight\": 0.75}",
        with: "{\"id\": 7, \"routed\": [ {\"expert\": 2, \"weight\": 0.75}")
    #expect(
      try SelectBatch(json: Array(text.utf8)).unknownFields == [
        "errormax", "tokens[1].id", "local.radio_j", "nodes[0].load_J",
      ])
  }
}
