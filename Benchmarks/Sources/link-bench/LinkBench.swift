// link-bench [--polls N]: what watching costs, 20 polls a second of four stations answered from captured messages, so without
// the kernel's own part. One line of JSON: processor time of a poll and of the slow look, share of one core, allocations of
// polls between looks. Exit status 1 above half a percent of a core, or when such a poll allocates.

import BenchSupport
import CCountedMalloc
import Glibc
import LinkMonitor
import Synchronization

/// Time that the benchmark turns.
final class TurnedClock: Clock, Sendable {
  struct Instant: InstantProtocol {
    var offset: Duration
    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
  }
  private let time = Mutex(Duration.zero)
  var now: Instant { Instant(offset: time.withLock { $0 }) }
  var minimumResolution: Duration { .nanoseconds(1) }
  func turn(by duration: Duration) { time.withLock { $0 += duration } }
  func sleep(until deadline: Instant, tolerance: Duration?) async throws {}
}

@main
struct LinkBench {
  static func main() {
    let polls = Arguments().number("polls", or: 2400)
    let clock = TurnedClock()
    let configuration = LinkConfiguration()
    let round = Atomic<UInt64>(0)
    let sources = LinkSources.canned(Captured.answers) { command, datagram in
      guard command == 0x11 else { return }  // NL80211_CMD_GET_STATION
      Captured.turn(&datagram, round: round.add(1, ordering: .relaxed).newValue)
    }
    let watcher = LinkWatcher(configuration: configuration, sources: sources, clock: clock)
    func poll() {
      watcher.poll()
      clock.turn(by: configuration.interval)
    }
    // A minute: every ring is full then.
    for _ in 0..<1300 { poll() }
    guard watcher.latest.links.count == 4 else { fail("expected four stations, got \(watcher.latest.links.count)") }
    guard watcher.latest.links.allSatisfy({ $0.isFresh && $0.fading?.k != nil }) else {
      fail("no fading was estimated")
    }
    guard counted_allocations() > 0 else { fail("the counter has not seen a single allocation: it is not in use") }
    var (allocations, lookAllocations) = (0 as UInt64, 0 as UInt64)
    var (plain, looks) = (0.0, 0.0)
    for round in 0..<polls {
      let isLook = round % configuration.slowEvery == 0
      let before = counted_allocations()
      let time = processorSeconds { poll() }
      let made = counted_allocations() - before
      if isLook {
        looks += time
        lookAllocations += made
      } else {
        plain += time
        allocations += made
      }
    }
    let simulated = Double(polls) / 20
    let share = (plain + looks) / simulated
    let lookCount = Double((polls + configuration.slowEvery - 1) / configuration.slowEvery)
    print(
      """
      {"polls": \(polls), "stations": 4, "poll_us": \(fixed(plain / (Double(polls) - lookCount) * 1e6, 1)), \
      "look_us": \(fixed(looks / lookCount * 1e6, 1)), "core_percent": \(fixed(share * 100, 3)), \
      "allocations_between_looks": \(allocations), "allocations_a_look": \(fixed(Double(lookAllocations) / lookCount, 1))}
      """)
    exit(share <= 0.005 && allocations == 0 ? 0 : 1)
  }
}
