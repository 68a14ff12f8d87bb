// Comparisons: the order of requests, the figures, and the words.

import Foundation
import SiftTools
import Testing

@Suite("Comparison")
struct ComparisonTests {
  /// A run of 10 tokens in 1 s.
  private func run(prompt: Int, round: Int, policy: Int, joules: Double, standing: String = "measured") throws
    -> PolicyRun
  {
    let body = """
      {"choices": [{"index": 0, "text": "t", "finish_reason": "length"}],
       "usage": {"prompt_tokens": 3, "completion_tokens": 10, "total_tokens": 13},
       "sift": {"policy": "p", "error_budget": 0.1, "latency_ms": 50, "error_mean": 0.05, "energy_j": \(joules / 2),
         "energy_dynamic_j": \(joules / 4), "energy_standing": "\(standing)", "energy_peers_j": \(joules / 2),
         "radio_j": 0, "visits": 20, "bytes_up": 600, "bytes_down": 400, "peers_in_trouble": [],
         "experts": {"local": 1, "remote": 2, "replaced": 3, "skipped": 4, "late": 5}}}
      """
    let answer = try JSONDecoder().decode(CompletionAnswer.self, from: Data(body.utf8))
    return try #require(
      PolicyRun(ComparisonPlan.Step(prompt: prompt, round: round, policy: policy), answer, seconds: 1))
  }

  @Test("Every prompt meets both policies back to back in every round", arguments: 0..<20 as Range<UInt64>)
  func pairs(seed: UInt64) {
    let plan = ComparisonPlan(prompts: 5, rounds: 3, seed: seed)
    #expect(plan.steps.count == 30)
    #expect(Set(plan.steps).count == 30)
    for pair in stride(from: 0, to: 30, by: 2) {
      #expect(plan.steps[pair].prompt == plan.steps[pair + 1].prompt)
      #expect(plan.steps[pair].round == plan.steps[pair + 1].round)
      #expect(plan.steps[pair].policy != plan.steps[pair + 1].policy)
    }
    #expect(plan == ComparisonPlan(prompts: 5, rounds: 3, seed: seed))
  }

  @Test("Which policy of a pair comes first is drawn")
  func drawnOrder() {
    let plan = ComparisonPlan(prompts: 100, rounds: 10, seed: 1)
    let firsts = stride(from: 0, to: plan.steps.count, by: 2).filter { plan.steps[$0].policy == 0 }.count
    // 1000 fair draws: 5 standard deviations are 79.
    #expect(abs(firsts - 500) < 79)
  }

  @Test("Figures are per generated token, and a steady saving is found")
  func saving() throws {
    var runs: [PolicyRun] = []
    for (prompt, joules) in [1.0, 2.0, 5.0].enumerated() {
      runs.append(try run(prompt: prompt, round: 0, policy: 1, joules: joules * (0.7 + 0.01 * Double(prompt))))
      runs.append(try run(prompt: prompt, round: 0, policy: 0, joules: joules))
    }
    let report = try ComparisonReport(names: ["topk", "siftmoe:0.1"], runs: runs)
    #expect(report.first.tokensPerSecond == 10)
    #expect(report.first.visitsPerToken == 2)
    #expect(report.first.bytesPerToken == 100)
    #expect(report.first.late == 15)
    #expect(abs(report.first.joulesPerToken.value - 0.8 / 3) < 1e-12)
    let ratio = try #require(report.ratio)
    #expect(abs(ratio.value - 0.71) < 1e-3)
    #expect(report.verdict.hasPrefix("siftmoe:0.1 saves 29.0 % of the energy per token of topk (95 % interval 26."))
    #expect(report.verdict.hasSuffix("3 pairs). These joules are measured."))
    #expect(report.rendered().contains("\nnode visits per token                    2.00              2.00\n"))
  }

  @Test("Noise is not called a saving")
  func noise() throws {
    var runs: [PolicyRun] = []
    for (prompt, joules) in [0.8, 1.3, 0.9].enumerated() {
      runs.append(try run(prompt: prompt, round: 0, policy: 0, joules: 1, standing: "modelled"))
      runs.append(try run(prompt: prompt, round: 0, policy: 1, joules: joules))
    }
    let report = try ComparisonReport(names: ["a", "b"], runs: runs)
    #expect(report.verdict.hasPrefix("No difference in energy per token is shown between a and b"))
    #expect(report.standing == "modelled")
    #expect(report.verdict.contains("These joules are modelled"))
  }

  @Test("One pair is not given an interval")
  func onePair() throws {
    let runs = [
      try run(prompt: 0, round: 0, policy: 0, joules: 1), try run(prompt: 0, round: 0, policy: 1, joules: 0.5),
    ]
    let report = try ComparisonReport(names: ["a", "b"], runs: runs)
    #expect(report.verdict.hasPrefix("b takes -50.0 % energy per token against a; 1 pair cannot tell"))
    #expect(!report.rendered().contains("∞"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json = String(decoding: try encoder.encode(report.first), as: UTF8.self)
    #expect(json.contains("\"joules_per_token\":{\"high\":null,\"low\":null,\"value\":0.1}"))
  }

  @Test("Runs that do not pair up are refused")
  func unpaired() throws {
    let runs = [
      try run(prompt: 0, round: 0, policy: 0, joules: 1), try run(prompt: 1, round: 0, policy: 1, joules: 0.5),
    ]
    #expect(throws: ToolFailure.self) { try ComparisonReport(names: ["a", "b"], runs: runs) }
  }

  @Test(
    "A policy is a name, with a budget or without",
    arguments: [("topk", "topk", nil), ("siftmoe:0.05", "siftmoe", 0.05), ("siftmoe:0", "siftmoe", 0)]
      as [(
        String, String, Double?
      )])
  func settings(text: String, name: String, budget: Double?) throws {
    let setting = try PolicySetting(text)
    #expect(setting.policy == name)
    #expect(setting.errorBudget == budget)
  }

  @Test("Anything else is refused", arguments: ["", ":1", "a:b", "a:-1", "a:nan", "a:1:2", "a:"])
  func badSettings(text: String) {
    #expect(throws: ToolFailure.self) { try PolicySetting(text) }
  }
}
