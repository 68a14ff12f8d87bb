// Frames as bytes: pinned, there and back, and every way of being wrong.

import NIOCore
import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite struct CodecTests {
  static let greeting = Greeting(
    node: "a", modelHash: Sample.hash, arithmetic: "fma16", width: 256, layers: 2, frameBytes: 1 << 20,
    hosted: HostedExperts(lists: [[0, 9], [8]]))

  // MARK: pinned bytes (docs/protocol.md shows the same)

  @Test func theBytesOfAGreetingArePinned() {
    var buffer = ByteBuffer()
    GreetingCodec.write(Self.greeting, as: .hello, into: &buffer)
    let expected =
      "4800000001010000" + "53494654" + "0100" + "03" + "00" + "00001000" + "00010000" + "02000000" + "02000000"
      + "0a000000" + String(repeating: "07", count: 32) + "0161" + "05666d613136" + "0102" + "0001"
    #expect(hex(buffer) == expected)
  }

  @Test func theBytesOfAVisitArePinned() {
    // Two rows of width 2: one pair for row 0, two for row 1.
    let visit = OwnedVisit(
      layer: 3, width: 2, counts: [1, 2], experts: [5, 6, 7], weights: [0.5, 0.25, 0.125], hidden: [1, -2, 0, 3])
    func bytes(_ encoding: PayloadEncoding) -> String {
      var buffer = ByteBuffer()
      visit.with(patience: .milliseconds(100)) {
        VisitCodec.write($0, number: 0x0102, encoding: encoding, into: &buffer)
      }
      return hex(buffer)
    }
    let fixed = "04010000" + "0201000000000000" + "a0860100" + "03000000" + "02000000" + "03000000"
    let lists =
      "01000000" + "02000000" + "05000000" + "06000000" + "07000000" + "0000003f" + "0000803e" + "0000003e"
    #expect(
      bytes(.f32) == "50000000" + fixed + "0100000000000000" + lists + "0000803f" + "000000c0" + "00000000" + "00004040"
    )
    #expect(bytes(.bf16) == "48000000" + fixed + "0200000000000000" + lists + "803f" + "00c0" + "0000" + "4040")
  }

  @Test func theBytesOfAReplyArePinned() {
    var buffer = ByteBuffer()
    let header = ReplyHeader(
      number: 5, execution: 1000, energy: .joules(0.5), standing: .derived, rows: 1, status: .done, encoding: .f32)
    [1.0, -2.0].withUnsafeBufferPointer { ReplyCodec.write(header, sums: $0, into: &buffer) }
    let expected =
      "3000000005010000" + "0500000000000000" + "e803000000000000" + "000000000000e03f" + "01000000" + "00" + "01"
      + "02" + "00" + "000000000000f03f" + "00000000000000c0"
    #expect(hex(buffer) == expected)
  }

  @Test func theBytesOfTheSmallFramesArePinned() {
    var buffer = ByteBuffer()
    NoticeCodec.write(.ping, number: 7, into: &buffer)
    NoticeCodec.write(.goodbye, text: "so long", into: &buffer)
    #expect(hex(buffer) == "0800000006010000" + "0700000000000000" + "0700000008010000" + "736f206c6f6e67")
  }

  // MARK: there and back

  @Test func greetingsComeBackAsTheyWere() throws {
    var buffer = ByteBuffer()
    GreetingCodec.write(Self.greeting, as: .welcome, into: &buffer)
    #expect(try readGreeting(body(buffer)) == Self.greeting)
    #expect(Self.greeting.hosted.list(layer: 0) == [0, 9])
    #expect(Self.greeting.hosted.contains(layer: 1, expert: 8))
    #expect(!Self.greeting.hosted.contains(layer: 1, expert: 9))
    #expect(!Self.greeting.hosted.contains(layer: 2, expert: 8))
  }

  @Test(arguments: PayloadEncoding.allCases) func visitsComeBackAsTheyWere(encoding: PayloadEncoding) throws {
    let visit = OwnedVisit(layer: 2, rows: 7, seed: 4)
    var buffer = ByteBuffer()
    visit.with(patience: .milliseconds(30)) { VisitCodec.write($0, number: 9, encoding: encoding, into: &buffer) }
    let scratch = VisitScratch()
    let header = try readVisit(body(buffer), scratch)
    #expect(header.number == 9 && header.layer == 2 && header.rows == 7 && header.patience == 30_000)
    let back = scratch.visit(header, width: Sample.width)
    #expect(Array(back.counts) == visit.counts)
    #expect(Array(back.experts) == visit.experts)
    #expect(Array(back.weights) == visit.weights)
    let hidden = Array(UnsafeBufferPointer(start: back.hidden, count: visit.hidden.count))
    let expected = encoding == .f32 ? visit.hidden : visit.hidden.map { Bfloat16.float(Bfloat16.round($0)) }
    #expect(hidden == expected)
  }

  @Test(arguments: [nil, Standing.measured, .derived, .modelled]) func repliesComeBackAsTheyWere(standing: Standing?)
    throws
  {
    let energy: Energy? = standing == nil ? nil : .joules(0.125)
    let header = ReplyHeader(
      number: 3, execution: 77, energy: energy, standing: standing, rows: 2, status: .done, encoding: .f32)
    let sums = [1, 0.5, -0x1p-32, 1048575]
    var buffer = ByteBuffer()
    sums.withUnsafeBufferPointer { ReplyCodec.write(header, sums: $0, into: &buffer) }
    var out = [Double](repeating: 0, count: 4)
    #expect(try readReply(body(buffer), into: &out) == header)
    #expect(out == sums)
  }

  // MARK: wrong in every field

  @Test func headersAreRefusedByField() {
    func problem(_ bytes: [UInt8], _ limits: FrameLimits = FrameLimits(frameBytes: 100)) -> String {
      var assembler = FrameAssembler(limits: limits)
      assembler.append(ByteBuffer(bytes: bytes))
      do throws(WireError) { return try assembler.next() == nil ? "more" : "whole" } catch { return error.description }
    }
    #expect(problem([8, 0, 0, 0, 6, 1, 0]) == "more")
    #expect(problem([8, 0, 0, 0, 6, 1, 0, 0]) == "more")
    #expect(problem([9, 0, 0, 0, 6, 1, 0, 0]) == "frame.length: a ping of 9 bytes exceeds the limit of 8")
    #expect(problem([101, 0, 0, 0, 4, 1, 0, 0]) == "frame.length: a visit of 101 bytes exceeds the limit of 100")
    #expect(problem([255, 255, 255, 255, 5, 1, 0, 0]).hasPrefix("frame.length: a reply of 4294967295 bytes"))
    #expect(problem([0, 0, 0, 0, 99, 1, 0, 0]) == "frame.kind: 99 is unknown")
    #expect(problem([0, 0, 0, 0, 8, 2, 0, 0]) == "frame.version: 2 is not 1, the version spoken here")
    #expect(problem([0, 0, 0, 0, 8, 1, 1, 0]) == "frame.reserved: 1 is not 0")
    #expect(
      problem([8, 0, 0, 0, 5, 1, 0, 0], FrameLimits(kinds: .fromGateway)) == "frame.kind: a reply is not expected now")
    #expect(problem([0, 0, 0, 0, 8, 1, 0, 0]) == "whole")
  }

  @Test func visitsThatDoNotAddUpAreRefusedByField() {
    let visit = OwnedVisit(rows: 3, seed: 8)
    func problem(_ change: (inout [UInt8]) -> Void) -> String {
      var buffer = ByteBuffer()
      visit.with { VisitCodec.write($0, number: 1, encoding: .f32, into: &buffer) }
      var bytes = Array(body(buffer).readableBytesView)
      change(&bytes)
      do throws(WireError) {
        _ = try readVisit(ByteBuffer(bytes: bytes), VisitScratch())
        return "none"
      } catch { return error.description }
    }
    let pairs = visit.experts.count
    #expect(problem { _ in } == "none")
    #expect(problem { $0[12] = 3 } == "visit.layer: 3 is not in 0..<3")
    #expect(problem { $0[16] = 0 } == "visit.rows: 0 is not in 1…100")
    #expect(problem { $0[17] = 1 } == "visit.rows: 259 is not in 1…100")
    #expect(problem { $0[16] = 2 }.hasPrefix("visit.length:"))
    #expect(problem { $0[20] += 1 }.hasPrefix("visit.length:"))
    #expect(problem { $0[23] = 255 }.hasPrefix("visit.length:"))
    #expect(problem { $0[24] = 3 } == "visit.encoding: 3 is unknown")
    #expect(problem { $0[31] = 1 } == "visit.encoding: \(UInt64(1) << 56 | 1) is unknown")
    #expect(problem { $0[32] = 0 } == "visit.counts: row 0 has 0 of \(pairs) pairs")
    #expect(problem { $0[35] = 0x80 }.hasPrefix("visit.counts: row 0 has -"))
    #expect(problem { $0[32] += 1 }.hasPrefix("visit.counts: add up to \(pairs + 1)"))
    // Row 1 has several pairs and loses one: the last pair would belong to nobody.
    #expect(visit.counts[1] > 1)
    #expect(problem { $0[36] -= 1 }.hasPrefix("visit.counts: add up to \(pairs - 1)"))
    #expect(problem { $0[45] = 0x10 }.hasPrefix("visit.experts: 409"))
    #expect(problem { $0[47] = 0x80 }.hasPrefix("visit.experts: -"))
    #expect(
      problem { bytes in
        bytes.replaceSubrange(44 + pairs * 4..<48 + pairs * 4, with: [0, 0, 0x80, 0x7F])
      } == "visit.weights: inf is not finite")
    #expect(problem { $0.removeLast() }.hasPrefix("visit.length:"))
    #expect(problem { $0.removeLast($0.count - 5) } == "visit.number: needs 8 bytes, 5 are left")
  }

  @Test(arguments: [
    (0.1, "sums"), (Double.nan, "sums"), (.infinity, "sums"), (0x1p20, "sums"), (-0x1p21, "sums"), (0x1p-33, "sums"),
  ])
  func sumsOffTheGridAreRefused(sum: Double, field: String) {
    let header = ReplyHeader(
      number: 3, execution: 77, energy: nil, standing: nil, rows: 1, status: .done, encoding: .f32)
    var buffer = ByteBuffer()
    [1, sum].withUnsafeBufferPointer { ReplyCodec.write(header, sums: $0, into: &buffer) }
    var out = [Double](repeating: 0, count: 2)
    #expect(throws: WireError.self) { try readReply(body(buffer), into: &out) }
  }

  // MARK: seeded mutation: whatever comes, the codec answers or refuses, within its bounds

  @Test(arguments: 0..<8) func mutatedStreamsNeverTrap(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let scratch = VisitScratch()
    var outcomes = (frames: 0, refusals: 0)
    for _ in 0..<400 {
      var bytes = sampleStream(&generator)
      for _ in 0..<Int.random(in: 0...4, using: &generator) { mutate(&bytes, &generator) }
      var assembler = FrameAssembler(limits: FrameLimits(frameBytes: 4096, rows: 100))
      var rest = bytes[...]
      do throws(WireError) {
        while !rest.isEmpty {
          let piece = rest.prefix(Int.random(in: 1...2000, using: &generator))
          rest = rest.dropFirst(piece.count)
          assembler.append(ByteBuffer(bytes: piece))
          while let (header, body) = try assembler.next() {
            #expect(header.bodyBytes <= FrameLimits.greetingBytes)
            try decode(header.kind, body, scratch)
            outcomes.frames += 1
          }
        }
        #expect(assembler.heldBytes <= WireProtocol.headerBytes + FrameLimits.greetingBytes)
      } catch {
        outcomes.refusals += 1
      }
    }
    // Both ways were really taken.
    #expect(outcomes.frames > 200)
    #expect(outcomes.refusals > 100)
  }

  private func decode(_ kind: FrameKind, _ body: ByteBuffer, _ scratch: VisitScratch) throws(WireError) {
    switch kind {
    case .hello, .welcome: _ = try readGreeting(body)
    case .visit: _ = try readVisit(body, scratch)
    case .reply:
      var out = [Double](repeating: 0, count: 4 * Sample.width)
      _ = try readReply(body, into: &out)
    case .ping, .pong: _ = try body.unsafely { bytes throws(WireError) in try NoticeCodec.number(bytes, frame: "ping") }
    case .refuse, .goodbye: _ = body.withUnsafeReadableBytes { NoticeCodec.text($0) }
    }
  }

  private func sampleStream(_ generator: inout SeededGenerator) -> [UInt8] {
    var buffer = ByteBuffer()
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: GreetingCodec.write(Self.greeting, as: .hello, into: &buffer)
      case 1:
        let encoding = PayloadEncoding.allCases.randomElement(using: &generator) ?? .f32
        OwnedVisit(rows: 2, seed: generator.next()).with {
          VisitCodec.write($0, number: 1, encoding: encoding, into: &buffer)
        }
      case 2:
        let header = ReplyHeader(
          number: 1, execution: 1, energy: .joules(1), standing: .measured, rows: 4, status: .done, encoding: .f32)
        let sums = [Double](repeating: 0.5, count: 4 * Sample.width)
        sums.withUnsafeBufferPointer { ReplyCodec.write(header, sums: $0, into: &buffer) }
      case 3: NoticeCodec.write(.ping, number: 1, into: &buffer)
      default: NoticeCodec.write(.goodbye, text: "bye", into: &buffer)
      }
    }
    return Array(buffer.readableBytesView)
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    let at = Int.random(in: 0..<bytes.count, using: &generator)
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
    case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
    default: if bytes.count > 1 { bytes.remove(at: at) }
    }
  }

  // MARK: helpers

  private func hex(_ buffer: ByteBuffer) -> String {
    let digits = Array("0123456789abcdef".unicodeScalars.map(Character.init))
    return String(buffer.readableBytesView.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  private func body(_ buffer: ByteBuffer) -> ByteBuffer {
    buffer.getSlice(at: WireProtocol.headerBytes, length: buffer.readableBytes - WireProtocol.headerBytes)
      ?? ByteBuffer()
  }

  private func readGreeting(_ body: ByteBuffer) throws(WireError) -> Greeting {
    try body.unsafely { bytes throws(WireError) in try GreetingCodec.read(bytes, frame: "hello") }
  }

  private func readVisit(_ body: ByteBuffer, _ scratch: VisitScratch) throws(WireError) -> VisitHeader {
    try body.unsafely { bytes throws(WireError) in
      try VisitCodec.read(
        bytes, layers: Sample.layers, width: Sample.width, experts: 4096, limits: FrameLimits(rows: 100), into: scratch)
    }
  }

  private func readReply(_ body: ByteBuffer, into out: inout [Double]) throws(WireError) -> ReplyHeader {
    let result: Result<ReplyHeader, WireError> = out.withUnsafeMutableBufferPointer { room in
      do throws(WireError) {
        return .success(
          try body.unsafely { bytes throws(WireError) in
            var reader = WireReader(bytes, frame: "reply")
            let header = try ReplyCodec.readHeader(&reader)
            guard header.status == .done, let base = room.baseAddress else { return header }
            try ReplyCodec.readSums(&reader, encoding: header.encoding, count: room.count, into: base)
            return header
          })
      } catch { return .failure(error) }
    }
    return try result.get()
  }
}
