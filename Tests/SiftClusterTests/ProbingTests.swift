// When a reply is late enough to be asked for.

import SiftCluster
import SiftCore
import Testing

@Suite struct ProbingTests {
  @Test func nothingIsToldBeforeEightReplies() {
    var probing = Probing()
    for _ in 0..<7 { probing.took(.milliseconds(4)) }
    #expect(probing.pause == nil)
    probing.took(.milliseconds(4))
    #expect(probing.pause != nil)
  }

  @Test func repliesThatAllTakeAsLongLeaveNothingButTheirTime() throws {
    var probing = Probing()
    for _ in 0..<100 { probing.took(.milliseconds(6)) }
    let pause = try #require(probing.pause)
    #expect(abs(pause.seconds - 0.006) < 1e-6)
  }

  @Test func repliesThatDifferAreGivenFourDeviations() throws {
    var probing = Probing()
    for at in 0..<400 { probing.took(.milliseconds(at % 2 == 0 ? 8 : 12)) }
    let pause = try #require(probing.pause)
    #expect(abs(pause.seconds - (0.010 + 4 * 0.002)) < 0.001)
  }

  @Test func nobodyIsAskedSoonerThanAfterTwoMilliseconds() {
    var probing = Probing()
    for _ in 0..<100 { probing.took(.microseconds(50)) }
    #expect(probing.pause == Probing.least)
  }
}
