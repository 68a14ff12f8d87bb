// What a visit costs when the rate it will find is known only in probability.

import SiftCore

/// The rates of a link and the signal each needs: the discrete table over which costs become expectations.
public struct RateTable: Sendable, Hashable {
  public typealias Entry = ChannelRate
  /// By rising `minimumSNR` and rising goodput.
  public let entries: [Entry]

  /// - Returns: nil when empty, not finite and positive, or not strictly rising in both figures: a rate that needs more
  ///   signal and gives less is never used, and one that gives the same is the same rate.
  public init?(_ entries: [Entry]) {
    guard !entries.isEmpty,
      entries.allSatisfy({ $0.minimumSNR > 0 && $0.goodput > 0 && $0.minimumSNR.isFinite && $0.goodput.isFinite }),
      zip(entries, entries.dropFirst()).allSatisfy({ $0.minimumSNR < $1.minimumSNR && $0.goodput < $1.goodput })
    else { return nil }
    self.entries = entries
  }
}

/// A visit as it is expected to go: the terms of the fast-fading decision (docs/theory, §7).
public struct VisitForecast: Sendable, Hashable {
  /// E[energy], outages included, in joules.
  public let energy: Double
  /// E[airtime] of the visits that succeed, in seconds; 0 when none can.
  public let airtime: Double
  /// P(no rate is usable, or the visit takes longer than its limit), 0 … 1.
  public let outage: Double
  /// E[energy] that one bit more would add, in joules: what another row costs in a visit that is made anyway.
  public let energyPerBit: Double

  /// The price of one attempt.
  public struct Price: Sendable, Hashable {
    /// Joules a second of airtime (transmitting and receiving ends as configured).
    public var power: Double
    /// Joules of a visit whatever its size.
    public var perVisit: Double
    /// Seconds of a visit whatever its size.
    public var overhead: Double
    /// Joules lost when the visit fails: what was sent until the limit.
    public var outage: Double
    public init(power: Double, perVisit: Double, overhead: Double, outage: Double) {
      self.power = power
      self.perVisit = perVisit
      self.overhead = overhead
      self.outage = outage
    }
  }

  /// - Parameters:
  ///   - gain: forecast of the power gain when the visit is made.
  ///   - meanSNR: linear, of the link.
  ///   - bits: up and down together.
  ///   - limit: seconds of airtime after which the visit counts as failed.
  public init(gain: GainForecast, meanSNR: Double, table: RateTable, bits: Double, price: Price, limit: Double) {
    var steps: [AirtimeStep] = []
    self.init(gain: gain, meanSNR: meanSNR, table: table, bits: bits, price: price, limit: limit, steps: &steps)
  }

  /// - Parameter steps: overwritten with the airtimes of the visits that succeed and their probabilities, for
  ///   `VisitLaw`; keeps its capacity.
  public init(
    gain: GainForecast, meanSNR: Double, table: RateTable, bits: Double, price: Price, limit: Double,
    steps: inout [AirtimeStep]
  ) {
    steps.removeAll(keepingCapacity: true)
    var energy = 0.0
    var airtime = 0.0
    var success = 0.0
    var energyPerBit = 0.0
    // P(gain < threshold of entry r); the last bracket is open.
    var below = gain.probability(below: table.entries[0].minimumSNR / meanSNR)
    for at in table.entries.indices {
      let next =
        at + 1 < table.entries.count
        ? gain.probability(below: table.entries[at + 1].minimumSNR / meanSNR) : 1
      let share = max(0, next - below)
      let time = price.overhead + bits / table.entries[at].goodput
      if share > 0 && time <= limit {
        success += share
        airtime += share * time
        energy += share * (price.perVisit + price.power * time)
        energyPerBit += share * price.power / table.entries[at].goodput
        steps.append(AirtimeStep(airtime: time, probability: share))
      }
      below = next
    }
    self.outage = min(1, max(0, 1 - success))
    self.energy = energy + outage * (price.perVisit + price.outage)
    self.airtime = success > 0 ? airtime / success : 0
    self.energyPerBit = energyPerBit
  }

  /// The error to be expected of sending an expert there: the choice's own when the visit succeeds, the fallback's when
  /// it does not.
  public func expectedError(chosen: Double, fallback: Double) -> Double { (1 - outage) * chosen + outage * fallback }
}
