// meter-bench [--seconds N] [--windows N] [--model FOLDER [--rounds N] [--threads N] [--sample-ms N]]: what the energy meter costs
// on three rails at 100 Hz, as lines of JSON: heap allocations a round; the share of one core that the sampling loop takes, and
// that of a loop that only sleeps and wakes as often, by turns; with a model also the change of tokens per second when the meter
// is turned on, at 100 Hz unless told otherwise (the daemon's own default is 100 ms). Exit status 1 when a round allocates, the
// loop takes 1 % or more, or the tokens' change may be a loss of 1 % or more. The rails are files in memory, read by the same
// calls as the kernel's; what a bus driver takes beside is its own.

import BenchSupport
import CCountedMalloc
import EnergyMeter
import Glibc
import HostIO
import SiftCore

@main
struct MeterBench {
  static let rounds = 20_000

  static func main() async throws {
    let arguments = Arguments()
    let seconds = arguments.number("seconds", or: 20)
    let rails = try MemoryRails()
    defer { rails.remove() }
    let meter = rails.meter(interval: .milliseconds(10))
    let windows = arguments.number("windows", or: 16)
    let tokens = (0..<windows).map { _ in meter.open() }
    for _ in 0..<1000 { meter.sample() }  // whatever is made on first use is made now
    let before = counted_allocations()
    guard before > 0 else { fail("the counter has not seen a single allocation: it is not in use") }
    let tight = processorSeconds { for _ in 0..<rounds { meter.sample() } }
    let made = counted_allocations() - before
    var (loops, bare): ([Double], [Double]) = ([], [])
    for _ in 0..<5 {
      loops.append(try await loopShare(meter, seconds: Double(seconds) / 5))
      bare.append(await bareShare(seconds: Double(seconds) / 5))
    }
    let share = loops.sorted()[2]
    for token in tokens { _ = meter.close(token) }
    print(
      """
      {"rails": 3, "hertz": 100, "open_windows": \(windows), "rounds": \(rounds), "allocations": \(made), \
      "microseconds_per_round": \(fixed(tight / Double(rounds) * 1e6, 2)), \
      "core_share_of_rounds_percent": \(fixed(tight / Double(rounds) * 100 * 100, 3)), \
      "core_share_of_loop_percent": \(fixed(share * 100, 3)), \
      "core_share_of_bare_loop_percent": \(fixed(bare.sorted()[2] * 100, 3))}
      """)
    var isCheap = made == 0 && share < 0.01
    if let model = arguments.text("model") {
      let sample = arguments.number("sample-ms", or: 10)
      let tokens = try await TokenRates(
        model: model, rounds: arguments.number("rounds", or: 300), threads: arguments.number("threads", or: 1)
      ).compare(rails.meter(interval: .milliseconds(sample)))
      print(tokens.line)
      isCheap = isCheap && tokens.isCheap
    }
    rails.remove()
    exit(isCheap ? 0 : 1)
  }

  /// Processor time of the whole program ÷ time, while the meter's own loop runs and nothing else does.
  private static func loopShare(_ meter: RailMeter, seconds: Double) async throws -> Double {
    let loop = Task { try await meter.run() }
    let begin = meter.latest.rounds
    let (before, since) = (processorSecondsSoFar(), ContinuousClock.now)
    try await Task.sleep(for: .seconds(seconds))
    let (used, elapsed) = (processorSecondsSoFar() - before, (ContinuousClock.now - since).seconds)
    let done = Double(meter.latest.rounds - begin)
    loop.cancel()
    _ = await loop.result
    guard done > 90 * elapsed else { fail("only \(done) rounds in \(elapsed) s: the machine is too busy to tell") }
    return used / elapsed
  }

  /// The same of a thread that sleeps for 10 ms, again and again.
  private static func bareShare(seconds: Double) async -> Double {
    let (before, since) = (processorSecondsSoFar(), ContinuousClock.now)
    await withCheckedContinuation { (ended: CheckedContinuation<Void, Never>) in
      DedicatedThread.start {
        var next = ContinuousClock.now
        while (next - since).seconds < seconds {
          next += .milliseconds(10)
          DedicatedThread.sleep(next - .now)
        }
        ended.resume()
      }
    }
    return (processorSecondsSoFar() - before) / (ContinuousClock.now - since).seconds
  }

  private static func processorSecondsSoFar() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }
}
