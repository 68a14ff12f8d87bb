// How exchanges are marked.

import SiftCluster
import Testing

@Suite struct TrafficClassTests {
  @Test func exchangesAreRealTimeUnlessAskedOtherwise() {
    #expect(PeerSettings().traffic == .realTime && ServerLimits().traffic == .realTime)
    // CS4 is 100000 (RFC 2474), which leaves 4, a priority of video, in the upper three bits.
    #expect(TrafficClass.realTime.codePoint >> 3 == 4)
  }

  @Test func aCodePointHasSixBits() {
    #expect(TrafficClass(codePoint: 64).codePoint == 63 && TrafficClass(codePoint: -1).codePoint == 0)
  }
}
