// The proxy that stands for a network in these tests keeps the order of a stream, as TCP does.

import NIOCore
import SiftCluster
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct DelayProxyTests {
  @Test func aDelayThatBecomesShorterOvertakesNothing() async throws {
    let host = try await RawHost(tls: nil) { _, _ in Self.pong(0) }
    let proxy = DelayProxy(target: host.port)
    let gateway = try await RawGateway(port: try await proxy.start(), tls: nil)
    // Once an answer has come, the proxy has both ends.
    gateway.send(Self.pong(0))
    await gateway.received.wait { $0.kind == .pong }
    for number in UInt64(1)...20 {
      proxy.delay(number % 2 == 0 ? .zero : .milliseconds(20))
      await proxy.inject(Array(Self.pong(number).readableBytesView), .toGateway)
    }
    await gateway.received.wait(count: 21) { $0.kind == .pong }
    let expected = (UInt64(0)...20).map { RawEvent.frame(.pong, withUnsafeBytes(of: $0.littleEndian) { Array($0) }) }
    #expect(gateway.received.events == expected)
    await gateway.end()
    await proxy.stop()
    await host.end()
  }

  private static func pong(_ number: UInt64) -> ByteBuffer {
    var frame = ByteBuffer()
    NoticeCodec.write(.pong, number: number, into: &frame)
    return frame
  }
}
