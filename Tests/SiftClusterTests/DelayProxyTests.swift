// The proxy that stands for a network in these tests keeps the order of a stream, as TCP does.

import NIOCore
import SiftCluster
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct DelayProxyTests {
  @Test func aDelayThatBecomesShorterOvertakesNothing() async throws {
    let certificates = try CertificateFixture("gateway", "a")
    let host = try await RawHost(tls: try certificates.tls("a")) { kind, body in
      var answer = ByteBuffer()
      guard kind == .ping, let number = body.getInteger(at: body.readerIndex, endianness: .little, as: UInt64.self)
      else { return nil }
      NoticeCodec.write(.pong, number: number, into: &answer)
      return answer
    }
    let proxy = DelayProxy(target: host.port)
    let gateway = try await RawGateway(port: try await proxy.start(), tls: try certificates.tls("gateway"))
    var expected: [RawEvent] = []
    for number in UInt64(1)...20 {
      proxy.delay(number % 2 == 0 ? .zero : .milliseconds(20))
      var ping = ByteBuffer()
      NoticeCodec.write(.ping, number: number, into: &ping)
      gateway.send(ping)
      expected.append(.frame(.pong, withUnsafeBytes(of: number.littleEndian) { Array($0) }))
      // So that the proxy meets it under the delay it was sent under, and the next while it is on its way.
      try await Task.sleep(for: .milliseconds(2))
    }
    let last = expected.last
    await gateway.received.wait { $0 == last || $0 == .closed }
    #expect(gateway.received.events == expected)
    await gateway.end()
    await proxy.stop()
    await host.end()
  }
}
