// Where siftctl looks for the daemon.

import SiftTools
import Testing

@Suite struct DaemonAddressTests {
  @Test(arguments: [
    ([], "/run/siftd/siftd.sock"), (["/run/siftd/siftd.sock"], "/run/siftd/siftd.sock"),
    (["/run/siftd.sock"], "/run/siftd.sock"), (["/run/siftd/siftd.sock", "/run/siftd.sock"], "/run/siftd/siftd.sock"),
  ])
  func theSocketThatIsThereIsTaken(there: [String], expected: String) {
    #expect(DaemonAddress.standard { there.contains($0) } == .socket(expected))
  }

  @Test(arguments: [
    ("/tmp/x.sock", DaemonAddress.socket("/tmp/x.sock")), ("localhost:8080", .http("http://localhost:8080")),
    ("http://a:1/", .http("http://a:1")),
  ])
  func anAddressIsReadForWhatItIs(text: String, address: DaemonAddress) throws {
    #expect(try DaemonAddress(text) == address)
  }

  @Test(arguments: ["", "localhost", ":80", "a:b", "http://"])
  func whatIsNoneIsRefused(text: String) { #expect(throws: ToolFailure.self) { try DaemonAddress(text) } }
}
