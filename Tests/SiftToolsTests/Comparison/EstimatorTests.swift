// The statistics of block comparisons against figures worked out elsewhere.

import Foundation
import SiftTestKit
import SiftTools
import Testing

@Suite struct EstimatorTests {
  @Test func theRatioIsTheGeometricMeanWithItsTInterval() throws {
    // R: t.test(log(c(0.9, 0.95, 0.92, 0.97)))
    let ratio = try #require(LogRatio([0.9, 0.95, 0.92, 0.97].map { log($0) }))
    #expect(abs(ratio.ratio.value - 0.9346121) < 1e-6)
    let mean = log(0.9346121)
    let half = 3.182446 * (ratio.spread ?? 0) / 2
    #expect(abs(ratio.ratio.low - exp(mean - half)) < 1e-5 && abs(ratio.ratio.high - exp(mean + half)) < 1e-5)
    #expect(ratio.isDifference && ratio.pairs == 4)
    #expect(LogRatio([]) == nil && LogRatio([.nan]) == nil)
    #expect(LogRatio([0.1])?.ratio.high == .infinity)
  }

  @Test func neighboursThatResembleEachOtherCountForLess() throws {
    var generator = SeededGenerator(seed: 3)
    var value = 0.0
    let wandering = (0..<60).map { _ -> Double in
      value = 0.8 * value + Double.random(in: -0.01...0.01, using: &generator)
      return value
    }
    let correlated = try #require(LogRatio(wandering))
    #expect(correlated.lag1 > 0.4 && correlated.effectivePairs < 30)
    let shuffled = try #require(LogRatio(wandering.shuffled(using: &generator)))
    #expect(shuffled.effectivePairs == 60)
    #expect(correlated.ratio.high > shuffled.ratio.high)
    // Neighbours that differ more than chance would have it narrow nothing.
    let alternating = try #require(LogRatio((0..<20).map { $0 % 2 == 0 ? 0.01 : -0.012 }))
    #expect(alternating.lag1 < -0.5 && alternating.effectivePairs == 20)
  }

  @Test func theNumberOfPairsFollowsFromThePilotsSpread() {
    let rule = StopRule(precision: 0.02, pilot: 6, most: 40)
    let pilot = [0.03, -0.03, 0.03, -0.03, 0.03, -0.03]
    // s = 0.032863, t(5) = 2.570582, h = 0.0198026: 18.2, so 20.
    #expect(rule.pairs(pilot: pilot) == 20)
    #expect(rule.pairs(pilot: pilot.map { $0 / 10 }) == 6)
    #expect(rule.pairs(pilot: pilot.map { $0 * 10 }) == 40)
    #expect(abs(rule.half(pilot: pilot, count: 20) - 2.570582 * 0.032863 / 20.0.squareRoot()) < 1e-5)
  }

  @Test func anIntervalIsNotNarrowerThanThePilotThatPlannedIt() throws {
    let rule = StopRule(precision: 0.02, pilot: 4, most: 40)
    let figures = [0.03, -0.03, 0.03, -0.03] + Array(repeating: [0.001, -0.001], count: 10).flatMap { $0 }
    let planned = try #require(LogRatio(figures, stop: rule))
    let free = try #require(LogRatio(figures))
    #expect(planned.ratio.high > free.ratio.high)
    #expect(
      abs(log(planned.ratio.high / planned.ratio.value) - rule.half(pilot: Array(figures.prefix(4)), count: 24)) < 1e-9)
  }
}

@Suite struct ComparisonOutputTests {
  private func record() async throws -> ComparisonRecord {
    var settings = BlockComparisonTests.settings(requests: 5)
    settings.policies = [PolicySetting(policy: "A"), PolicySetting(policy: "B", errorBudget: 0.05)]
    settings.pieces = ["a piece"]
    return try await ComparisonRunner(SimulatedDaemon(.init(ratio: 0.9, noise: 0.01))).run(settings)
  }

  @Test func theTableHasFiguresRatiosAndTheVerdict() async throws {
    let findings = ComparisonFindings(try await record())
    let text = ComparisonText.table(findings)
    for part in [
      "energy per token (measured)", "above idle", "tokens/s", "perplexity", "95 % interval", findings.verdict,
    ] {
      #expect(text.contains(part), "\(part)")
    }
    let markdown = ComparisonText.markdown(findings)
    #expect(markdown.hasPrefix("# B:0.05 against A\n\n\(findings.verdict)\n"))
    #expect(findings.verdict.contains(" % less energy per token than A, 95 % interval "))
    #expect(markdown.contains("\n|---|---:|---:|\n"))
  }

  @Test func theFindingsAreJSONEvenOfOnePair() async throws {
    var record = try await record()
    _ = try JSONSerialization.jsonObject(with: Data(PrettyJSON.of(ComparisonFindings(record)).utf8))
    record.blocks = Array(record.blocks.prefix(2))
    let json = try PrettyJSON.of(ComparisonFindings(record))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["complete"] as? Bool == false)
    record.blocks = []
    #expect(try PrettyJSON.of(ComparisonFindings(record)).contains("No verdict"))
  }

  @Test func thePageNeedsNothingElseAndEscapesWhatItIsGiven() async throws {
    var record = try await record()
    record.node.node = "<attic> & \"cellar\""
    let svg =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"x\" \"http://www.w3.org/y.dtd\">\n<svg width=\"8\"></svg>\n"
    let page = ComparisonPage.html(ComparisonFindings(record), plots: [("a & b", svg)])
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("<figure>\n<svg width=\"8\"></svg>"))
    #expect(page.contains("&lt;attic&gt; &amp; &quot;cellar&quot;") && page.contains("a &amp; b"))
    #expect(!page.contains("<?xml") && !page.contains("svg.dtd") && !page.contains("src=") && !page.contains("href="))
  }

  @Test func scriptsForGnuplotHoldEveryBlockAndNoCommandOfAPolicysName() async throws {
    var record = try await record()
    record.settings.policies[0] = PolicySetting(policy: "A'; system(\"true\") '")
    let scripts = ComparisonPlots.scripts(record)
    #expect(scripts.count == 3)
    let energy = scripts[0].text
    #expect(energy.contains("\n\(record.blocks.count) "))
    #expect(!energy.contains("A'") && energy.contains("title 'A; system(\"true\") '"))
  }
}
