// The pure parts of keeping a peer: pauses, announcements, and what exchanges say of the link.

import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite struct KeepingTests {
  @Test func pausesDoubleUpToTheCapAndKeepAJitterOfAQuarter() {
    var generator = SeededGenerator(seed: 5)
    var backoff = Backoff(first: .milliseconds(100), cap: .seconds(2))
    let whole = [100, 200, 400, 800, 1600, 2000, 2000, 2000]
    for milliseconds in whole {
      let pause = backoff.next(using: &generator)
      #expect(pause <= .milliseconds(milliseconds))
      #expect(pause >= .milliseconds(milliseconds) * 0.75)
    }
    backoff.reset()
    #expect(backoff.next(using: &generator) <= .milliseconds(100))
  }

  @Test func aHostThatReturnsIsTriedAgainWithinSevenSeconds() {
    // The longest pause, an attempt that hangs until its time-out, and a slow greeting.
    let settings = PeerSettings()
    #expect(settings.backoffCap + settings.connectTimeout + settings.handshakeTimeout <= .seconds(7))
  }

  @Test func everyChangeIsAnnouncedOnce() {
    var announcer = PeerAnnouncer()
    #expect(announcer.lost("refused") == .lost(reason: "refused"))
    #expect(announcer.lost("refused") == nil)
    #expect(announcer.lost("timed out") == nil)
    #expect(announcer.up(sameArithmetic: false) == .connected(sameArithmetic: false))
    #expect(announcer.up(sameArithmetic: true) == nil)
    #expect(announcer.lost("cut") == .lost(reason: "cut"))
    #expect(announcer.refused("another model") == .refused(reason: "another model"))
    #expect(announcer.refused("another model") == nil)
    #expect(announcer.lost("cut") == nil)
    #expect(announcer.refused("another name") == .refused(reason: "another name"))
    #expect(announcer.up(sameArithmetic: true) == .recovered)
    #expect(announcer.up(sameArithmetic: true) == nil)
    #expect(announcer.lost("again") == .lost(reason: "again"))
  }

  @Test func onlyWhereRepliesComeWithinMicrosecondsAreTheyWaitedForAwake() {
    var vigil = Vigil()
    #expect(!vigil.watches(after: .zero))
    for _ in 0..<100 { vigil.waited(.microseconds(20)) }
    #expect(vigil.watches(after: .microseconds(39)))
    #expect(!vigil.watches(after: .microseconds(40)))
    // A reply that takes a millisecond puts an end to it at once, and radio never begins it.
    vigil.waited(.milliseconds(1))
    #expect(!vigil.watches(after: .zero))
    for _ in 0..<100 { vigil.waited(.milliseconds(2)) }
    #expect(!vigil.watches(after: .zero))
  }

  @Test func aNumberMeansOneVisitForEverAlthoughItsSlotIsUsedAgain() throws {
    var slots = ReplySlots()
    let start = ContinuousClock.now
    let taken = slots.take(now: start)
    let first = try #require(taken)
    let number = first.number
    first.sent = start
    #expect(slots.find(number) === first)
    #expect(slots.wasGiven(number) && !slots.wasGiven(number + 1) && !slots.wasGiven(0))
    first.state = .free
    #expect(slots.find(number) == nil)
    // The same slot comes round, for another number: a late reply to the first finds nobody.
    var again: ReplySlot?
    for _ in 0..<ReplySlots.count { again = slots.take(now: start) }
    #expect(again === first)
    #expect(slots.find(number) == nil)
    #expect(slots.find(number + UInt64(ReplySlots.count)) === first)
  }

  @Test func whenAllSlotsAreUnderWayNoneIsGivenUntilTicketsAreForgotten() throws {
    var slots = ReplySlots()
    let start = ContinuousClock.now
    for _ in 0..<ReplySlots.count {
      let taken = slots.take(now: start)
      let slot = try #require(taken)
      slot.sent = start
      slot.patience = .seconds(1)
    }
    let early = slots.take(now: start + .seconds(10))
    #expect(early.map(\.number) == nil)
    let later = slots.take(now: start + .seconds(12))
    #expect(later.map(\.number) != nil)
  }

  @Test func overheadAndGoodputAreFoundInExchangesOfManySizes() throws {
    var generator = SeededGenerator(seed: 6)
    var estimator = ExchangeEstimator()
    let start = ContinuousClock.now
    for step in 0..<400 {
      let bytes = Int.random(in: 500...60_000, using: &generator)
      let noise = Double.random(in: 0.98...1.02, using: &generator)
      // 2 ms and 5 MB/s.
      estimator.add(
        seconds: (0.002 + Double(bytes) / 5e6) * noise, bytes: bytes, at: start + .milliseconds(10 * step))
    }
    let perByte = try #require(estimator.secondsPerByte)
    let overhead = try #require(estimator.overhead)
    #expect(abs(1 / perByte - 5e6) < 0.1e6)
    #expect(abs(overhead - 0.002) < 0.0003)
    #expect(try #require(estimator.least) >= 0.00205)
  }

  @Test func equalSizesTellNoGoodput() {
    var estimator = ExchangeEstimator()
    for step in 0..<50 {
      estimator.add(seconds: 0.003, bytes: 4000, at: .now + .milliseconds(step))
    }
    #expect(estimator.secondsPerByte == nil)
    #expect(estimator.overhead == nil)
    #expect(estimator.smoothed == 0.003)
  }

  @Test func theLeastRoundTripIsForgottenAfterAMinute() {
    var estimator = ExchangeEstimator()
    let start = ContinuousClock.now
    estimator.add(seconds: 0.001, bytes: 1, at: start)
    for second in 1...70 { estimator.add(seconds: 0.005, bytes: 1, at: start + .seconds(second)) }
    #expect(estimator.least == 0.005)
  }
}
