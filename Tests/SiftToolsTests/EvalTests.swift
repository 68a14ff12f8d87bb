// `siftctl eval`: scenarios, books, and the order of policies on real text.

import SiftPolicy
import SiftTestKit
import SiftTools
import Testing

@Suite struct EvalTests {
  static let scenario = """
    { "version": 1, "latency_s": 0.05, "remote_wake_j": 0.002, "remote_wake_s": 0.003,
      "local": {"experts": [0,1,2,3,4,5], "compute_j": 1e-5, "compute_s": 1e-4},
      "nodes": [ {"id": "n1", "experts": [6,7,8,9,10], "radio_j": 8e-4, "airtime_s": 9e-4, "compute_j": 1e-5,
                  "compute_s": 1e-4},
                 {"id": "n2", "experts": [11,12,13,14,15], "radio_j": 2e-3, "airtime_s": 2.5e-3, "compute_j": 1e-5,
                  "compute_s": 1e-4} ] }
    """

  /// An evaluation of a short text, in the scenario unless told otherwise.
  static func tool(_ folder: TemporaryFolder, _ policy: PolicyName, scenario: Bool = true) throws -> EvalTool {
    let text = try SampleText.read(ReferenceModel.file("text/manuals.txt"), part: .secondHalf)
    try folder.write("text.txt", String(text.prefix(6_000)))
    try folder.write("scenario.json", Self.scenario)
    var tool = EvalTool(model: ReferenceModel.folder, texts: [folder.file("text.txt")])
    tool.policy = policy
    tool.scenario = scenario ? folder.file("scenario.json") : nil
    return tool
  }

  @Test func withoutErrorBudgetTheExactPolicyIsTopK() throws {
    let folder = try TemporaryFolder()
    let topk = try Self.tool(folder, .topk).run()
    let exact = try Self.tool(folder, .siftmoe).run()
    let alone = try Self.tool(folder, .topk, scenario: false).run()
    #expect(exact.logLoss == topk.logLoss && exact.visitsPerToken == topk.visitsPerToken)
    #expect(exact.joulesPerToken <= topk.joulesPerToken && exact.errorMean == 0)
    // Where experts lie changes what they cost, not what they say.
    #expect(topk.logLoss == alone.logLoss && alone.joulesPerToken == 0 && topk.joulesPerToken > 0)
  }

  @Test func aGrowingBudgetSavesVisitsAndCostsQuality() throws {
    let folder = try TemporaryFolder()
    let reports = try Self.tool(folder, .siftmoe).sweep([0, 0.05, 0.1, 0.2])
    for (less, more) in zip(reports, reports.dropFirst()) {
      #expect(more.visitsPerToken < less.visitsPerToken && more.joulesPerToken < less.joulesPerToken)
      #expect(more.errorMean > less.errorMean)
      // The budget is the root mean square error, which a price keeps on the routing of Top-K.
      #expect(abs(more.errorRMS / more.errorBudget - 1) < 0.05, "\(more.errorRMS) at \(more.errorBudget)")
    }
    #expect(reports[3].logLoss > reports[0].logLoss)
  }

  @Test(arguments: PolicyName.allCases) func expertCountsAddUp(_ policy: PolicyName) throws {
    let folder = try TemporaryFolder()
    var tool = try Self.tool(folder, policy)
    tool.errorBudget = 0.2
    let report = try tool.run()
    let experts = report.expertsPerToken
    #expect(abs(experts.local + experts.remote + experts.replaced + experts.skipped - 24) < 1e-9)
    #expect(report.layersWithVisitPerToken <= report.visitsPerToken)
    #expect(report.layersWithVisitPerToken <= 6)
    if policy == .localOnly { #expect(report.visitsPerToken == 0 && experts.remote == 0) }
  }

  @Test func aQualityTargetBecomesABudgetThatGrowsWithIt() throws {
    let folder = try TemporaryFolder()
    var tool = try Self.tool(folder, .siftmoe)
    tool.perplexityIncrease = 0.01
    let strict = try tool.run()
    tool.perplexityIncrease = 0.05
    let loose = try tool.run()
    #expect(strict.errorBudget > 0 && loose.errorBudget > strict.errorBudget)
    #expect(loose.joulesPerToken < strict.joulesPerToken && loose.errorMean > strict.errorMean)
    tool.perplexityIncrease = 9
    #expect(throws: ToolFailure.self) { try tool.run() }
  }

  static let malformed: [(String, String, String)] = [
    ("\"version\": 1", "\"version\": 3", "version"),
    ("\"latency_s\": 0.05, ", "", "latency_s"),
    ("[0,1,2,3,4,5]", "[0,1,2,3,4]", "nodes"),
    ("[0,1,2,3,4,5]", "[0,1,2,3,4,16]", "local.experts[5]"),
    ("[0,1,2,3,4,5]", "{\"0\": [0]}", "local.experts.1"),
    ("[0,1,2,3,4,5]", "{\"six\": [0]}", "local.experts.six"),
    ("\"id\": \"n2\"", "\"id\": \"n1\"", "nodes[1].id"),
    ("\"radio_j\": 8e-4", "\"radio_j\": -1", "nodes[0].radio_j"),
  ]

  @Test(arguments: malformed)
  func aMalformedScenarioIsRefusedByField(_ from: String, _ to: String, _ field: String) {
    let text = Self.scenario.replacing(from, with: to)
    #expect(text != Self.scenario)
    #expect {
      try Scenario(json: Array(text.utf8), experts: Array(repeating: 16, count: 6))
    } throws: {
      ($0 as? FieldError)?.field == field
    }
  }

  @Test func aScenarioMayListExpertsByLayer() throws {
    let lists = (0..<6).map { "\"\($0)\": [0,1,2,3,4,5]" }.joined(separator: ", ")
    let text = Self.scenario.replacing("[0,1,2,3,4,5]", with: "{\(lists)}")
    let counts = Array(repeating: 16, count: 6)
    #expect(
      try Scenario(json: Array(text.utf8), experts: counts)
        == Scenario(json: Array(Self.scenario.utf8), experts: counts))
  }

  @Test func theTwoHalvesOfATextMakeTheWholeAndMeetAtALine() {
    for text in ["", "a", "a\nb", "one\ntwo\nthree\nfour\n", "no newline at all", "\n\n\n"] {
      let bytes = Array(text.utf8)
      let first = SampleText.slice(bytes, .firstHalf)
      let second = SampleText.slice(bytes, .secondHalf)
      #expect(Array(first) + Array(second) == bytes)
      #expect(second.isEmpty || first.last == UInt8(ascii: "\n"))
      #expect(first.count >= bytes.count / 2)
    }
  }
}
