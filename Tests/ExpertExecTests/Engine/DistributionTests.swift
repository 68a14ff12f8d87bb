// Experts on other nodes: the same bits when all goes well, an answer and a booked fallback when it does not.

import ExpertExec
import SiftCore
import SiftTestKit
import Synchronization
import Testing

struct DistributionTests {
  private static let local = 0..<6
  private static let hostedHere = Array(repeating: Array(local), count: 6)

  /// Experts 0–5 here, 6–10 on node 1, 11–15 on node 2.
  private static func place(_ layer: Int, _ expert: Int32) -> Int32 { expert < 6 ? 0 : expert < 11 ? 1 : 2 }

  private static func hosts(_ engine: Engine) throws -> [ExpertHost] {
    try [Array(6..<11), Array(11..<16)].map { try ExpertHost(engine: engine, hosted: Array(repeating: $0, count: 6)) }
  }

  /// Top-K on the placement with the nearest local expert as fallback, booked with an error.
  private static func selector(fallback: Int32 = ExpertChoice.skip) -> FixedSelector {
    FixedSelector { layer, _, expert, weight in
      ExpertChoice(
        target: expert, node: place(layer, expert), weight: weight, fallbackTarget: fallback, fallbackError: weight)
    }
  }

  private static func session(
    _ engine: Engine, _ selector: FixedSelector, _ transport: InProcessTransport?
  ) throws -> InferenceSession {
    var options = SessionOptions()
    options.hosted = hostedHere
    return try InferenceSession(engine: engine, options: options, selector: selector, transport: transport)
  }

  @Test func `200 tokens over three nodes have the bits of one node`() throws {
    let engine = try referenceEngine()
    let alone = try InferenceSession(engine: engine)
    let transport = InProcessTransport(hosts: try Self.hosts(engine))
    let cluster = try Self.session(engine, Self.selector(), transport)
    let golden = try Golden(prompt: 1)
    let ids = (try alone.open(capacity: 300), try cluster.open(capacity: 300))
    try alone.read(golden.ids, into: ids.0)
    try cluster.read(golden.ids, into: ids.1)
    for _ in 0..<200 {
      let token = Sampler.greatest(alone.logits(row: 0))
      #expect(alone.logits(row: 0).map(\.bitPattern) == cluster.logits(row: 0).map(\.bitPattern))
      try alone.forward([Chunk(sequence: ids.0, token: token)])
      try cluster.forward([Chunk(sequence: ids.1, token: token)])
    }
    #expect(Set(transport.sent.map(\.node)) == [NodeIndex(1), NodeIndex(2)])
    #expect(cluster.statistics.remoteExperts > 0 && cluster.statistics.fellBack == 0)
  }

  @Test func `a placement with the nodes the other way round has the same bits`() throws {
    let engine = try referenceEngine()
    let golden = try Golden(prompt: 2)
    let hosts = try Self.hosts(engine)
    func bits(_ hosts: [ExpertHost], _ place: @escaping (Int, Int32) -> Int32) throws -> [UInt32] {
      let session = try Self.session(engine, .topK(placement: place), InProcessTransport(hosts: hosts))
      let id = try session.open(capacity: 64)
      try session.read(golden.ids, into: id)
      return session.logits(row: 0).map(\.bitPattern)
    }
    // Node 1 is asked and merged first either way, so the sums meet in the other order.
    let swapped = try bits(hosts.reversed()) { layer, expert in
      switch Self.place(layer, expert) {
      case 1: 2
      case 2: 1
      default: 0
      }
    }
    #expect(try bits(hosts, Self.place) == swapped)
  }

  @Test func `one visit a node and layer carries the rows of all sequences`() throws {
    let engine = try referenceEngine()
    let transport = InProcessTransport(hosts: try Self.hosts(engine))
    let selector = Self.selector()
    let session = try Self.session(engine, selector, transport)
    let (a, b) = (try session.open(capacity: 64), try session.open(capacity: 64))
    try session.forward([
      Chunk(sequence: a, tokens: [5, 6, 7], wanted: .last), Chunk(sequence: b, token: 9),
    ])
    #expect(selector.steps == [[a, a, a, b]])
    for layer in 0..<6 {
      for node in 1...2 {
        let letters = transport.sent.filter { $0.layer == layer && $0.node == NodeIndex(node) }
        #expect(letters.count <= 1)
        #expect(letters.allSatisfy { $0.experts.allSatisfy { Self.place(layer, $0) == Int32(node) } })
      }
    }
    let carried = transport.sent.reduce(0) { $0 + $1.experts.count }
    #expect(session.statistics.remoteExperts == carried)
    #expect(session.statistics.localExperts + carried == 6 * 4 * 4)
  }

  /// Runs a prompt with node 2 behaving as told and expects the fallbacks to be booked.
  private func faulty(
    _ fate: InProcessTransport.Fate, fallback: Int32 = 3
  ) throws -> (statistics: StepStatistics, selector: FixedSelector, sent: Int, bits: [UInt32]) {
    let engine = try referenceEngine()
    let transport = InProcessTransport(hosts: try Self.hosts(engine)) { letter in
      letter.node == NodeIndex(2) ? fate : .delivered
    }
    let selector = Self.selector(fallback: fallback)
    let session = try Self.session(engine, selector, transport)
    let id = try session.open(capacity: 64)
    try session.read(try Golden(prompt: 0).ids, into: id)
    let sent = transport.sent.count { $0.node == NodeIndex(2) }
    return (session.statistics, selector, sent, session.logits(row: 0).map(\.bitPattern))
  }

  /// What the same prompt gives when expert 3, or nothing, stands in for all of node 2's experts by plan.
  private func planned(_ target: Int32) throws -> [UInt32] {
    let engine = try referenceEngine()
    let selector = FixedSelector { layer, _, expert, weight in
      let node = Self.place(layer, expert)
      return ExpertChoice(target: node == 2 ? target : expert, node: node == 2 ? 0 : node, weight: weight)
    }
    let session = try Self.session(engine, selector, InProcessTransport(hosts: try Self.hosts(engine)))
    let id = try session.open(capacity: 64)
    try session.read(try Golden(prompt: 0).ids, into: id)
    return session.logits(row: 0).map(\.bitPattern)
  }

  @Test(arguments: [Int32(3), ExpertChoice.skip])
  func `fallbacks compute what the plan says`(fallback: Int32) throws {
    let expected = try planned(fallback)
    #expect(try faulty(.lost("gone"), fallback: fallback).bits == expected)
    #expect(try faulty(.unreachable, fallback: fallback).bits == expected)
    #expect(try faulty(.late, fallback: fallback).bits == expected)
    #expect(try faulty(.answered(.nan), fallback: fallback).bits == expected)
  }

  @Test func `a lost node is asked once a step and its fallbacks are booked in every layer`() throws {
    let (statistics, selector, sent, _) = try faulty(.lost("gone"))
    #expect(sent == 1)
    #expect(statistics.nodes[1].lost == 1)
    #expect(statistics.nodes[1].lostReason == "gone")
    #expect(selector.settled.map(\.layer) == Array(0..<6))
    #expect(selector.settled.allSatisfy { !$0.fellBack.isEmpty })
    #expect(statistics.fellBack == selector.settled.reduce(0) { $0 + $1.fellBack.count })
  }

  @Test func `a node that cannot be asked is lost once a step, with a reason, and falls back in every layer`()
    throws
  {
    let (statistics, selector, _, _) = try faulty(.unreachable)
    #expect(statistics.nodes[1].visits == 0)
    #expect(statistics.nodes[1].lost == 1)
    #expect(statistics.nodes[1].lostReason == "out of reach")
    #expect(selector.settled.allSatisfy { !$0.fellBack.isEmpty })
  }

  @Test func `two nodes that are lost in one step each have their own reason`() throws {
    let engine = try referenceEngine()
    let transport = InProcessTransport(hosts: try Self.hosts(engine)) { letter in
      letter.node == NodeIndex(1) ? .lost("closed") : .lost("reset")
    }
    let session = try Self.session(engine, Self.selector(), transport)
    let id = try session.open(capacity: 64)
    try session.read(try Golden(prompt: 0).ids, into: id)
    #expect(session.statistics.nodes.map(\.lostReason) == ["closed", "reset"])
  }

  @Test func `a late node is waited for twice a step at most`() throws {
    let (statistics, selector, sent, _) = try faulty(.late)
    #expect(sent == 2)
    #expect(statistics.nodes[1].late == 2)
    #expect(selector.settled.allSatisfy { !$0.fellBack.isEmpty })
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 1e9])
  func `an absurd reply counts as lost`(figure: Double) throws {
    let (statistics, _, _, bits) = try faulty(.answered(figure))
    #expect(statistics.nodes[1].lost == 1)
    #expect(statistics.nodes[1].lostReason?.contains("out of range") == true)
    #expect(bits.allSatisfy { Float(bitPattern: $0).isFinite })
  }

  @Test func `a node that comes back is asked in the next step`() throws {
    let engine = try referenceEngine()
    let isDown = Atomic<Bool>(true)
    let transport = InProcessTransport(hosts: try Self.hosts(engine)) { letter in
      letter.node == NodeIndex(1) && isDown.load(ordering: .relaxed) ? .unreachable : .delivered
    }
    let session = try Self.session(engine, Self.selector(), transport)
    let id = try session.open(capacity: 64)
    try session.read(try Golden(prompt: 0).ids, into: id)
    #expect(session.statistics.nodes[0].visits == 0 && session.statistics.fellBack > 0)
    isDown.store(false, ordering: .relaxed)
    try session.forward([Chunk(sequence: id, tokens: [5, 6, 7, 8, 9, 10], wanted: .last)])
    #expect(session.statistics.nodes[0].visits > 0 && session.statistics.fellBack == 0)
  }

  @Test func `choices that make no sense are refused and fall back`() throws {
    let engine = try referenceEngine()
    let senseless: [ExpertChoice] = [
      ExpertChoice(target: 99, node: 0, weight: 0.5), ExpertChoice(target: 12, node: 0, weight: 0.5),
      ExpertChoice(target: 2, node: 77, weight: 0.5), ExpertChoice(target: 2, node: -1, weight: 0.5),
      ExpertChoice(target: 99, node: 1, weight: 0.5), ExpertChoice(target: 2, node: 0, weight: .nan),
      ExpertChoice(target: -7, node: 0, weight: 0.5), ExpertChoice(target: 2, node: 5000, weight: 0.5),
    ]
    for choice in senseless {
      let selector = FixedSelector { _, _, _, _ in choice }
      let session = try Self.session(engine, selector, InProcessTransport(hosts: try Self.hosts(engine)))
      let id = try session.open(capacity: 8)
      try session.forward([Chunk(sequence: id, token: 5)])
      #expect(session.statistics.fellBack == 24, "\(choice)")
      #expect(session.logits(row: 0).allSatisfy { $0.isFinite })
    }
  }

  @Test func `replaced and skipped experts are counted`() throws {
    let engine = try referenceEngine()
    let selector = FixedSelector { _, _, expert, weight in
      expert < 4
        ? ExpertChoice(target: ExpertChoice.skip, node: 0, weight: weight)
        : ExpertChoice(target: 5, node: 0, weight: weight)
    }
    let session = try Self.session(engine, selector, nil)
    let id = try session.open(capacity: 64)
    let recorder = Recorder()
    session.probe = recorder
    try session.read(try Golden(prompt: 0).ids, into: id)
    let routed = (0..<6).flatMap { recorder.experts[$0] ?? [] }
    #expect(session.statistics.skippedExperts == routed.count { $0 < 4 })
    #expect(session.statistics.replacedExperts == routed.count { $0 >= 4 && $0 != 5 })
    #expect(session.statistics.localExperts == routed.count { $0 >= 4 })
  }
}
