// A daemon's energy ledger over its life and death, and a comparison on a running daemon.

import EnergyLedger
import ExpertExec
import Foundation
import SiftTestKit
import SiftTools
import Testing

extension EndToEnd {
  private static func ask(_ client: ControlClient, _ count: Int) async throws {
    for _ in 0..<count { _ = try await stream(client, tokens: 3) }
  }

  private static func requests(_ client: ControlClient) async throws -> Int {
    let query = LedgerQuery(from: 0, to: 1e12, by: .policy)
    return try await EnergyTool.ask(query, of: .daemon(client.address)).rows.reduce(0) { $0 + $1.requests }
  }

  @Test("the ledger survives kill -9 and is gone on with; a foreign file in its place is moved aside and named")
  func ledger() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("energy.sqlite", "these are somebody's shopping notes, and they must not be lost\n")
    let change = { @Sendable (layout: inout ClusterLayout) in layout.extra["energy"] = ["ledger = \"\(path)\""] }
    try await Self.withCluster(nodes: 1, change: change) { cluster, client in
      let process = try #require(cluster.process(0))
      let line = await process.log.line(containing: "was not a database: it is now \(path).aside-")
      #expect(line != nil)
      try await Self.ask(client, 3)
      #expect(try await Self.requests(client) == 3)
      process.signal(SIGKILL)
      _ = await process.end
      let report = try LedgerQuery(from: 0, to: 1e12, by: .policy).run(file: path)
      #expect(report.rows.map(\.requests) == [3] && report.rows.map(\.tokensOut) == [9])
      try await cluster.start(0)
      try await Self.ask(client, 1)
      #expect(try await Self.requests(client) == 4)
    }
    // What an orderly end leaves: the last minute of the rails too, and it adds up.
    let report = try LedgerQuery(from: 0, to: 1e12, by: .day).run(file: path)
    #expect(report.rows.map(\.requests) == [4])
    let whole = try #require(report.rails.first)
    #expect(abs(whole.requests + (whole.idle ?? 0) + whole.unattributed - whole.joules) < 1e-6)
    let aside = try listFolder(folder.path).filter { $0.hasPrefix("energy.sqlite.aside-") }
    #expect(aside.count == 1)
    let notes = try String(contentsOfFile: folder.file(try #require(aside.first)), encoding: .utf8)
    #expect(notes.hasPrefix("these are somebody's shopping notes"))
  }

  @Test("a ledger that cannot be written is said once, and requests are served as before")
  func noLedger() async throws {
    let change = { @Sendable (layout: inout ClusterLayout) in
      layout.extra["energy"] = ["ledger = \"/proc/nowhere/energy.sqlite\""]
    }
    try await Self.withCluster(nodes: 1, change: change) { cluster, client in
      try await Self.ask(client, 3)
      let log = try #require(cluster.process(0)).log
      #expect(await log.line(containing: "the energy ledger /proc/nowhere/energy.sqlite cannot be written") != nil)
      let text = try String(contentsOfFile: cluster.layout.log(of: 0), encoding: .utf8)
      #expect(text.components(separatedBy: "cannot be written").count == 2)
    }
  }

  @Test("a comparison on a running cluster scores a text over the peers as it is evaluated here")
  func comparison() async throws {
    let text = "And God said, Let there be light: and there was light.\n4 And God saw the light, that it was good"
    try await Self.withCluster(nodes: 2) { _, client in
      var settings = ComparisonSettings(
        policies: [try PolicySetting("topk"), try PolicySetting("siftmoe:0.3")], prompts: [Self.prompt], maxTokens: 4,
        blockRequests: 2, blockSeconds: 0)
      settings.stop = StopRule(precision: 0.5, pilot: 3, most: 4)
      settings.pieces = [text]
      let record = try await ComparisonRunner(try await LiveDaemon(client)).run(settings)
      let findings = ComparisonFindings(record)
      #expect(findings.isComplete && findings.energy != nil && findings.first.failures + findings.second.failures == 0)
      #expect(findings.verdict.contains("perplexity"))
      #expect(record.blocks.allSatisfy { $0.before != nil && $0.after != nil })
      let engine = try Engine(folder: ReferenceModel.folder, threads: 1)
      let tokens = try Tokenizer(folder: ReferenceModel.folder).encode(text)
      let here = try InferenceSession(engine: engine).evaluate(tokens: tokens)
      // Top-K over peers is the same arithmetic, bit for bit; the sum is taken in another order.
      let perplexity = try #require(findings.first.perplexity)
      #expect(abs(perplexity / (here.perplexity ?? 0) - 1) < 1e-5)
    }
  }
}
