// A meter on a simulated sensor, with windows at times of the test's choosing.

import EnergyMeter
import SiftCore
import SiftTestKit

/// Opens and closes windows while the meter samples at its own beat.
struct SimulatedRun {
  /// How a window is closed.
  enum Closing: Sendable { case atOnce, settled }
  /// A window between two times, in seconds since the start.
  struct Span: Sendable {
    var start: Double
    var length: Double
    var end: Double { start + length }
  }
  struct Outcome {
    let span: Span
    let reading: EnergyReading
    let truth: Double
    var error: Double { reading.energy.joules - truth }
  }

  let sensor: SimulatedSensor
  let signal: Signal
  var closing = Closing.settled
  /// Whether the machine has something else to do all the time, so that no window can be padded.
  var isBusy = false
  /// Whether snapshots are moved as the meter moves them.
  var isJittered = true
  /// Where the run begins on the signal, so that means may reach back.
  private let origin = 2.0

  /// The readings of `spans`, which begin and end in rising order.
  func run(_ spans: [Span], seed: UInt64, before: (RailMeter, Double) -> Void = { _, _ in }) -> [Outcome] {
    let clock = ManualClock()
    let begin = clock.now
    let origin = origin
    let meter = RailMeter(
      sources: sensor.sources(signal) { origin + begin.duration(to: clock.now).seconds }, clock: clock,
      configuration: MeterConfiguration(interval: sensor.interval))
    if isBusy { _ = meter.open() }
    var generator = SeededGenerator(seed: seed)
    let beat = meter.beat
    let wait = beat.settling.seconds
    var events: [(at: Double, span: Int, kind: Int)] = []
    for (at, span) in spans.enumerated() {
      events += [(span.start, at, 0), (span.end, at, 1)]
      if closing == .settled { events.append((span.end + wait, at, 2)) }
    }
    events.sort { ($0.at, $0.kind) < ($1.at, $1.kind) }
    var tokens: [Int: WindowToken] = [:]
    var readings: [Int: EnergyReading] = [:]
    var now = 0.0
    var round = 0
    func advance(to at: Double) {
      if at > now { clock.advance(by: .seconds(at) - .seconds(now)) }
      now = max(now, at)
    }
    for event in events {
      while true {
        let due = (beat.interval * round + (isJittered ? beat.jitter(&generator) : .zero)).seconds
        guard due < event.at else { break }
        advance(to: due)
        before(meter, now)
        meter.sample()
        round += 1
      }
      advance(to: event.at)
      switch (event.kind, tokens[event.span]) {
      case (0, _): tokens[event.span] = meter.open()
      case (1, let token?):
        if closing == .settled { meter.end(token) } else { readings[event.span] = meter.close(token) }
      case (_, let token?): readings[event.span] = meter.finish(token)
      default: break
      }
    }
    return spans.enumerated().compactMap { at, span in
      readings[at].map {
        Outcome(span: span, reading: $0, truth: signal.energy(origin + span.end) - signal.energy(origin + span.start))
      }
    }
  }

  /// `count` windows of `lengths` seconds with pauses between them, the first after `head` seconds.
  static func spans(
    _ count: Int, lengths: ClosedRange<Double>, pauses: ClosedRange<Double>, head: Double = 15, seed: UInt64
  ) -> [Span] {
    var generator = SeededGenerator(seed: seed)
    var at = head
    return (0..<count).map { _ in
      at += Double.random(in: pauses, using: &generator)
      let span = Span(start: at, length: Double.random(in: lengths, using: &generator))
      at = span.end
      return span
    }
  }
}
