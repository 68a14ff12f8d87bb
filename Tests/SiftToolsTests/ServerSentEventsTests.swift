// Server-sent events, whatever the pieces in which they arrive.

import SiftTools
import Testing

@Suite("Server-sent events")
struct ServerSentEventsTests {
  private static let stream =
    "data: {\"a\":1}\n\n: a comment\r\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\ndata: é[DONE]\r\r"
  private static let events = ["{\"a\":1}", "two\nlines", "é[DONE]"]

  @Test("Events are the same wherever the stream is cut", arguments: 1...Self.stream.utf8.count)
  func pieces(length: Int) {
    var parser = ServerSentEvents()
    let bytes = Array(Self.stream.utf8)
    var events: [String] = []
    for start in stride(from: 0, to: bytes.count, by: length) {
      events += parser.append(bytes[start..<min(bytes.count, start + length)])
    }
    #expect(events == Self.events)
  }

  @Test("An event that has not ended is not given out")
  func unfinished() {
    var parser = ServerSentEvents()
    #expect(parser.append("data: half".utf8) == [])
    #expect(parser.append("\n".utf8) == [])
    #expect(parser.append("\n".utf8) == ["half"])
  }
}
