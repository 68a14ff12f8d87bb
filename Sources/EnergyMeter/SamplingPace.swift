// How often rails are read: at the beat of what they average, so that nothing falls between two samples.

import SiftCore

/// The beat of a meter.
package struct SamplingPace: Sendable {
  /// Time between two rounds.
  package let interval: Duration
  /// How far a window must be extended for its edges to lie in it: a sample, and the time that one averages and lags.
  package let padding: Duration
  /// How long after a window's end the samples that end its padding have surely been taken.
  package let settling: Duration
  /// `[rail]` of the total: how old its newest figure may be, as its refresh tells.
  package let ages: [Duration]
  /// Whether some rail shows snapshots, which may keep time with a periodic load.
  private let hasSnapshots: Bool
  private let intervalNanoseconds: Double

  init(_ rails: ArraySlice<Rail>, _ configuration: MeterConfiguration) {
    let powers = rails.filter { if case .counter = $0.probe { false } else { true } }
    let averages = powers.compactMap(\.averaging).filter { $0 >= configuration.shortest }
    let interval = min(configuration.interval, averages.min() ?? configuration.interval)
    self.interval = interval
    intervalNanoseconds = interval.seconds * 1e9
    ages = rails.map { min($0.refresh ?? .zero, interval) }
    hasSnapshots = powers.contains { ($0.averaging ?? .zero) < interval * 4 / 5 }
    let reach = rails.map { Self.reach($0, interval) }.max() ?? .zero
    padding = min(reach + interval, interval * (RecentSegments.capacity - 8))
    // A mean is stamped in the middle of its time, so the last one needed is taken half of that later.
    settling = padding + (powers.compactMap(\.averaging).max() ?? .zero) / 2 + interval * 2
  }

  /// How far back a reading of `rail` may reach: an average is as old as its device's beat, and as long again.
  private static func reach(_ rail: Rail, _ interval: Duration) -> Duration {
    let refresh = rail.refresh ?? .zero
    let lag = refresh > interval ? refresh : .zero
    return (rail.averaging ?? .zero) * 2 + lag
  }

  /// Half an interval to either side at most, evenly spread; none where every rail averages.
  package func jitter(_ generator: inout some RandomNumberGenerator) -> Duration {
    guard hasSnapshots else { return .zero }
    return .nanoseconds(Int64((generator.fraction() - 0.5) * intervalNanoseconds))
  }
}
