// The watchdog is fed only while every part has moved.

import SiftDaemon
import Synchronization
import Testing

/// A part that moves when it is asked, until it is stuck.
private final class Part: Sendable {
  let count = Mutex<UInt64>(0)
  let isStuck = Mutex(false)
  var pulse: Pulse { pulse(named: "part") }
  func pulse(named name: String) -> Pulse {
    Pulse(
      name: name,
      challenge: { [self] in if !isStuck.withLock({ $0 }) { count.withLock { $0 += 1 } } },
      moved: { [self] in count.withLock { $0 } })
  }
}

@Suite("Watchdog")
struct WatchdogTests {
  @Test("parts that move keep it fed")
  func alive() {
    let part = Part()
    var state = WatchdogState()
    for _ in 0..<5 { #expect(state.round([part.pulse]) == .init(isAlive: true, newlyStuck: [])) }
  }

  @Test("one stuck part among several stops it, is named once, and feeds it again when it moves")
  func stuck() {
    let (good, bad) = (Part(), Part())
    let pulses = [good.pulse(named: "good"), bad.pulse(named: "bad")]
    var state = WatchdogState()
    #expect(state.round(pulses).isAlive)
    bad.isStuck.withLock { $0 = true }
    // It moved once more, when it was last asked.
    #expect(state.round(pulses).isAlive)
    #expect(state.round(pulses) == .init(isAlive: false, newlyStuck: ["bad"]))
    #expect(state.round(pulses) == .init(isAlive: false, newlyStuck: []))
    bad.isStuck.withLock { $0 = false }
    #expect(!state.round(pulses).isAlive)
    #expect(state.round(pulses).isAlive)
  }
}
