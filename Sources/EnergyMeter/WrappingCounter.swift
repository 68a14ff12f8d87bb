// A cumulative energy counter that starts again at 0 now and then.

/// Turns readings of `energy_uj` or `energyN_input` into steps. A total never falls, and no joule is invented: where a
/// step cannot be known the answer is `.unknown` and the count goes on from there.
public struct WrappingCounter: Sendable {
  /// What one more reading tells.
  public enum Step: Sendable, Hashable {
    /// The first reading: something to count from.
    case baseline
    /// Energy since the last reading, in µJ, ≥ 0.
    case grew(microjoules: Int64)
    /// The counter was reset, or may have wrapped more often than can be told: energy since the last reading is unknown.
    case unknown
  }

  /// The largest value before the counter starts again, in µJ; nil when none is promised (hwmon).
  public let range: Int64?
  /// The power that the rail cannot exceed, in µW: bounds how much a step can be.
  public let limit: Double
  /// Sum of all known steps, in µJ.
  public private(set) var total: Int64 = 0
  private var last: (reading: Int64, at: Duration)?

  /// - Parameter limitWatts: a power that this rail cannot exceed, > 0.
  public init(range: Int64?, limitWatts: Double) {
    self.range = range
    self.limit = limitWatts * 1e6
  }

  /// Counts a reading taken at `instant`. A failed read is simply not recorded: the counter itself keeps what was missed.
  public mutating func record(_ reading: Int64, at instant: Duration) -> Step {
    defer { last = (reading, instant) }
    guard let last else { return .baseline }
    let seconds = Double((instant - last.at) / .seconds(1))
    guard seconds > 0, let delta = delta(from: last.reading, to: reading) else { return .unknown }
    // With the limit reached for the whole time, could the counter have gone round once more?
    let possible = limit * seconds
    if let range, possible >= Double(range) + Double(delta) { return .unknown }
    // 20 ms more: two reads may fall just before and just after a refresh of the counter.
    guard Double(delta) <= possible + limit * 0.02 else { return .unknown }
    total &+= delta
    return .grew(microjoules: delta)
  }

  /// What comes next is a first reading again; the total stays.
  public mutating func forget() { last = nil }

  private func delta(from old: Int64, to new: Int64) -> Int64? {
    guard old >= 0, new >= 0 else { return nil }
    if new >= old { return new - old }
    // The modulus is one unit of the hardware (61 µJ) more than `max_energy_range_uj`: negligible.
    guard let range, old <= range else { return nil }
    return range - old + new
  }
}
