// The knobs of the energy meter, each with its unit and default.

import SiftCore

/// How the meter samples and what it falls back to.
public struct MeterConfiguration: Sendable, Hashable {
  /// Longest time between two rounds of sampling. Default 100 ms. A rail that averages over less is followed at its own
  /// beat, down to `shortest`, because averages without a gap between them miss nothing.
  public var interval: Duration
  /// Shortest time between two rounds. Default 10 ms, or `interval` where that is shorter.
  public var shortest: Duration
  /// How long the rails are polled fast before sampling begins, to learn how often each one brings something new. Default
  /// none.
  public var survey: Duration
  /// A pause between two good samples of a power rail beyond this is a gap. Default 2.5 intervals.
  public var gap: Duration
  /// What the user knows better than the kernel.
  public var rules: RailRules
  /// Rails whose sum is the machine's power, by id, instead of what the catalog proposes; nil: the catalog's.
  public var totals: [String]?
  /// Power above which a reading of any one rail is not believed, in watts. Default 1000: beyond any gateway, below what
  /// a device tree with a shunt 1000 times too small shows (`shunt-resistor-micro-ohms = <5>` is in a shipped one).
  public var plausibleWatts: Double
  /// Relative standard uncertainty of the gain, by source of the rails. Default: hwmon 0.011 (shunt 1 %, converter
  /// 0.5 %); other sources publish none, so their windows carry no uncertainty.
  public var gainUncertainty: [RailSource: Double]
  /// Used when no rail can serve, and then said so.
  public var model: PowerModel

  public init(
    interval: Duration = .milliseconds(100), shortest: Duration = .milliseconds(10), survey: Duration = .zero,
    gap: Duration? = nil, rules: RailRules = RailRules(), totals: [String]? = nil,
    plausibleWatts: Double = 1000, gainUncertainty: [RailSource: Double] = [.hwmon: 0.011],
    model: PowerModel = .raspberryPi5
  ) {
    precondition(interval > .zero, "a sampling interval must be positive, got \(interval)")
    self.interval = interval
    self.shortest = min(shortest, interval)
    self.survey = survey
    self.rules = rules
    self.gap = gap ?? interval * 5 / 2
    self.totals = totals
    self.plausibleWatts = plausibleWatts
    self.gainUncertainty = gainUncertainty
    self.model = model
  }
}
