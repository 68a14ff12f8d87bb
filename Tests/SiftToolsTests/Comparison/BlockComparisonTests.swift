// Comparisons on a simulated daemon: what is there is found, what is not there is not claimed, and nothing is lost.

import SiftTestKit
import SiftTools
import Synchronization
import Testing

@Suite struct BlockComparisonTests {
  static func settings(seed: UInt64 = 1, requests: Int = 20, most: Int = 40) -> ComparisonSettings {
    var settings = ComparisonSettings(
      policies: [PolicySetting(policy: "A"), PolicySetting(policy: "B")], prompts: ["one", "two", "three"],
      maxTokens: 16, seed: seed)
    settings.blockRequests = requests
    settings.blockSeconds = 0
    settings.stop.most = most
    return settings
  }

  @Test func aPlantedDifferenceOfFivePercentIsFound() async throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let daemon = SimulatedDaemon(.init(ratio: 0.95, blockNoise: 0.01, drift: 1e-4), seed: seed)
      let record = try await ComparisonRunner(daemon).run(Self.settings(seed: seed))
      let findings = ComparisonFindings(record)
      let ratio = try #require(findings.energy?.ratio)
      #expect(ratio.high < 1, "seed \(seed): \(ratio)")
      #expect(findings.isComplete && findings.verdict.hasPrefix("B uses "))
      #expect(
        findings.verdict.contains("less energy per token than A") && findings.verdict.contains("measured on VDD_IN"))
    }
  }

  @Test func itsIntervalsHoldTheTruth() async throws {
    var held = 0
    for seed in 1...100 as ClosedRange<UInt64> {
      let daemon = SimulatedDaemon(.init(ratio: 0.9, blockNoise: 0.02), seed: seed)
      let record = try await ComparisonRunner(daemon).run(Self.settings(seed: seed, requests: 4))
      let ratio = try #require(ComparisonFindings(record).energy?.ratio)
      if ratio.low <= 0.9 && 0.9 <= ratio.high { held += 1 }
    }
    #expect(held >= 92)
  }

  /// 200 comparisons of a policy with itself, on machines that are quiet, that warm up, and that wander.
  @Test func aPolicyComparedWithItselfIsRarelyFoundDifferent() async throws {
    var claims = 0
    for seed in 1...200 as ClosedRange<UInt64> {
      var world = SimulatedDaemon.World(blockNoise: 0.015)
      if seed % 3 == 1 { world.drift = 5e-4 }
      if seed % 3 == 2 { (world.memory, world.wander) = (0.9, 0.01) }
      let record = try await ComparisonRunner(SimulatedDaemon(world, seed: seed)).run(
        Self.settings(seed: seed, requests: 5))
      if try #require(ComparisonFindings(record).energy).isDifference { claims += 1 }
    }
    // 5 % are expected, at most 8 % allowed.
    #expect(claims <= 16, "\(claims) of 200")
  }

  @Test func everyFourBlocksAreABBAOrBAAB() {
    for seed in 0..<50 as Range<UInt64> {
      let order = BlockOrder(seed: seed)
      var words: Set<String> = []
      for four in 0..<20 {
        let policies = (0..<4).map { order.policy(pair: 2 * four + $0 / 2, place: $0 % 2) }
        words.insert(policies.map { $0 == 0 ? "A" : "B" }.joined())
      }
      #expect(words == ["ABBA", "BAAB"])
    }
  }

  @Test func driftFallsOnBothPoliciesAlike() async throws {
    // The machine takes a third more at the end than at the beginning, and nothing else differs.
    let daemon = SimulatedDaemon(.init(noise: 0, drift: 1e-3))
    let record = try await ComparisonRunner(daemon).run(Self.settings(requests: 10, most: 40))
    let ratio = try #require(ComparisonFindings(record).energy?.ratio)
    #expect(abs(ratio.value - 1) < 0.002)
  }

  @Test func bothBlocksOfAPairHaveTheSamePrompts() async throws {
    let daemon = SimulatedDaemon()
    let record = try await ComparisonRunner(daemon).run(Self.settings(requests: 4))
    let measured = daemon.asked.suffix(record.blocks.count * 4).map { $0 }
    for pair in 0..<record.blocks.count / 2 {
      let first = measured[pair * 8..<pair * 8 + 4]
      let second = measured[pair * 8 + 4..<pair * 8 + 8]
      #expect(first.map(\.prompt) == second.map(\.prompt))
      #expect(Set(first.map(\.policy)).count == 1 && first.first?.policy != second.first?.policy)
    }
  }

  @Test func aBlockLastsAsLongAsItShould() async throws {
    var settings = Self.settings(requests: 2)
    settings.blockSeconds = 10
    let record = try await ComparisonRunner(SimulatedDaemon(.init(seconds: 0.3))).run(settings)
    #expect(record.requests == 34)
  }

  @Test func throttledPairsDoNotCountAndAreMeasuredAgain() async throws {
    let daemon = SimulatedDaemon(.init(ratio: 0.95, noise: 0.02, throttled: [3, 6]))
    let record = try await ComparisonRunner(daemon).run(Self.settings())
    let findings = ComparisonFindings(record)
    #expect(findings.throttledPairs == 2 && findings.droppedPairs == 2)
    #expect(findings.energy?.pairs == findings.planned)
    #expect(record.pairs.count == (findings.planned ?? 0) + 2)
    #expect(abs((findings.energy?.ratio.value ?? 0) - 0.95) < 0.02)
    #expect(findings.remarks.contains("2 pairs with throttling do not count"))
  }

  @Test func pairsWithFailedRequestsDoNotCountAndAreSaid() async throws {
    let daemon = SimulatedDaemon(.init(noise: 0.02, failing: [30]))
    let findings = ComparisonFindings(try await ComparisonRunner(daemon).run(Self.settings()))
    #expect(findings.first.failures + findings.second.failures == 1 && findings.droppedPairs == 1)
    #expect(findings.remarks.contains { $0.hasPrefix("requests failed: ") })
  }

  @Test func aBlockThatMostlyFailsEndsTheComparison() async {
    let daemon = SimulatedDaemon(.init(failing: Set(30...60)))
    await #expect {
      _ = try await ComparisonRunner(daemon).run(Self.settings())
    } throws: { "\($0)".hasPrefix("more than half of a block under ") }
  }

  @Test func cheaperAndWorseIsSaidTogether() async throws {
    var settings = Self.settings()
    settings.pieces = ["a piece of text", "another piece of text", "the third"]
    let daemon = SimulatedDaemon(.init(ratio: 0.69, noise: 0.02, losses: [2, 2.008]))
    let findings = ComparisonFindings(try await ComparisonRunner(daemon).run(settings))
    #expect(findings.verdict.hasPrefix("B uses 31 % less energy per token than A, 95 % interval "))
    #expect(findings.verdict.contains("; perplexity +0.8 %"))
    #expect(!findings.remarks.contains { $0.hasPrefix("quality was not measured") })
    let silent = ComparisonFindings(try await ComparisonRunner(daemon).run(Self.settings()))
    #expect(silent.remarks.contains { $0.hasPrefix("quality was not measured") })
  }

  @Test func aRailWithoutALabelIsCalledByItsChip() async throws {
    let daemon = SimulatedDaemon(.init(ratio: 0.8, rails: ["hwmon:ina226@1-0040:power1"]))
    let findings = ComparisonFindings(try await ComparisonRunner(daemon).run(Self.settings()))
    #expect(findings.verdict.contains("measured on ina226 power1"))
  }

  @Test func modelledJoulesAreNeverCalledMeasured() async throws {
    let daemon = SimulatedDaemon(.init(ratio: 0.8, rails: [], standing: "modelled"))
    let findings = ComparisonFindings(try await ComparisonRunner(daemon).run(Self.settings()))
    #expect(findings.verdict.contains("modelled, not measured") && findings.standing == "modelled")
  }
}

@Suite struct ComparisonKeepingTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func file(_ name: String = "state/compare.jsonl") -> ComparisonFile {
    ComparisonFile(path: folder.file(name))
  }

  @Test func whatIsKeptIsWhatWasMeasured() async throws {
    var settings = BlockComparisonTests.settings()
    settings.pieces = ["one piece", "two pieces"]
    let record = try await ComparisonRunner(SimulatedDaemon(), file: file()).run(settings)
    #expect(try file().read() == record)
  }

  @Test func aStoppedComparisonGoesOnWhereItWas() async throws {
    let settings = BlockComparisonTests.settings(requests: 5)
    // Gone in the middle of the fourth pair's second block.
    let gone = SimulatedDaemon(.init(ratio: 0.9, goneFrom: 4 + 7 * 5 + 3))
    await #expect(throws: ToolFailure.self) { _ = try await ComparisonRunner(gone, file: file()).run(settings) }
    let kept = try file().read()
    #expect(kept.blocks.count == 7 && kept.pairs.count == 3 && !kept.isComplete)
    #expect(ComparisonFindings(kept).remarks.contains { $0.hasPrefix("the comparison was stopped after 3 of ") })
    // A line that was being written when the end came is not there.
    var torn = try readFile(file().path)
    torn += "{\"block\":{\"_0\":{\"pair\":3"
    try folder.write("state/compare.jsonl", torn)
    let record = try await ComparisonRunner(SimulatedDaemon(.init(ratio: 0.9)), file: file()).resume(try file().read())
    #expect(record.isComplete && Array(record.blocks.prefix(6)) == Array(kept.blocks.prefix(6)))
    #expect(Set(record.blocks.map { [$0.pair, $0.policy] }).count == record.blocks.count)
    #expect(try file().read() == record)
  }

  @Test func anotherDaemonIsNotTakenForTheSame() async throws {
    let settings = BlockComparisonTests.settings()
    let record = try await ComparisonRunner(SimulatedDaemon(), file: file()).run(settings)
    await #expect {
      _ = try await ComparisonRunner(SimulatedDaemon(.init(rails: ["other:VDD"]))).resume(record)
    } throws: { "\($0)".hasPrefix("the comparison was begun on attic") }
  }

  @Test func aForeignOrMissingFileIsOneLine() throws {
    #expect {
      _ = try file("nothing.jsonl").read()
    } throws: { ($0 as? ToolFailure)?.status == .noInput }
    try folder.write("foreign.jsonl", "{\"hello\": 1}\n")
    #expect {
      _ = try file("foreign.jsonl").read()
    } throws: {
      ($0 as? ToolFailure)?.message.hasSuffix("foreign.jsonl, line 1: is not of a comparison of this siftctl") == true
    }
  }

  @Test func aNewComparisonKeepsTheOldOneOnceMore() async throws {
    let settings = BlockComparisonTests.settings(requests: 3)
    let first = try await ComparisonRunner(SimulatedDaemon(), file: file()).run(settings)
    _ = try await ComparisonRunner(SimulatedDaemon(seed: 2), file: file()).run(settings)
    #expect(try file("state/compare.jsonl.previous").read() == first)
  }

  @Test func promptsThatCannotBeReadAreOneLine() throws {
    let missing = folder.file("missing.txt")
    #expect {
      _ = try ComparisonInput.prompts(missing)
    } throws: {
      ($0 as? ToolFailure)
        == ToolFailure(.noInput, "\(missing): cannot be opened: No such file or directory")
    }
    let blank = try folder.write("blank.txt", " \n\t\n")
    #expect {
      _ = try ComparisonInput.prompts(blank)
    } throws: { "\($0)" == "\(blank): has no prompt; write one a line" }
    let binary = try folder.write("binary.txt", [0xFF, 0xFE, 0x00, 0x80])
    #expect {
      _ = try ComparisonInput.prompts(binary)
    } throws: { "\($0)" == "\(binary): is not UTF-8 text" }
    #expect(try ComparisonInput.prompts(try folder.write("good.txt", "one\r\n\ntwo\n")) == ["one", "two"])
  }

  @Test func aTextIsCutIntoPiecesThatAddUpToIt() throws {
    let text = String(repeating: "ein Wörtchen und noch eins\n", count: 100) + String(repeating: "ß", count: 2000)
    let pieces = try ComparisonInput.pieces(try folder.write("text.txt", text), most: 10_000)
    #expect(pieces.joined() == text && pieces.count > 10)
    #expect(pieces.allSatisfy { $0.utf8.count <= 481 })
  }
}
