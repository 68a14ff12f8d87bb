// What a closed window answers.

import SiftCore

/// The energy of one window, with everything that says how far to trust it.
public struct EnergyReading: Sendable, Hashable {
  /// Energy of the covered part of the window, idle included.
  public var energy: Energy
  /// Energy above the idle level; nil while the idle level is not known yet.
  public var dynamic: Energy?
  /// Standard uncertainty of `energy` (k = 1); nil when a term of it is not known (and for modelled joules).
  public var uncertainty: Energy?
  /// Standard uncertainty of `dynamic` (k = 1); nil with either.
  public var dynamicUncertainty: Energy?
  /// The parts of `uncertainty`; nil for modelled joules.
  public var terms: UncertaintyTerms?
  /// The weakest standing among the rails; `.modelled` when there was none.
  public var standing: Standing
  /// Time covered by good samples ÷ length of the window, 0…1: the least over the rails. 1 for a modelled reading.
  public var coverage: Double
  /// Samples inside the window: the least over the rails.
  public var samples: Int
  /// Ids of the rails that were added up.
  public var rails: [String]
  /// What each sampled rail brought, those of the total first, for sharing it out: never to be added up across parents and
  /// children. Empty for a modelled reading.
  public var parts: [RailInterval]
  /// True when the quiet time around the window was measured along and its idle energy subtracted: no edge is smeared.
  public var isPadded: Bool
  /// The power model behind a modelled reading; nil for others.
  public var model: String?
  /// Length of the window.
  public var elapsed: Duration

  public init(
    energy: Energy, dynamic: Energy?, uncertainty: Energy?, dynamicUncertainty: Energy? = nil,
    terms: UncertaintyTerms? = nil, standing: Standing, coverage: Double, samples: Int, rails: [String],
    parts: [RailInterval] = [], isPadded: Bool = false, model: String?, elapsed: Duration
  ) {
    self.energy = energy
    self.dynamic = dynamic
    self.uncertainty = uncertainty
    self.dynamicUncertainty = dynamicUncertainty
    self.terms = terms
    self.standing = standing
    self.coverage = coverage
    self.samples = samples
    self.rails = rails
    self.parts = parts
    self.isPadded = isPadded
    self.model = model
    self.elapsed = elapsed
  }

  /// Fewer than five samples or less than nine tenths covered: good for a sum over many windows, not alone.
  public var isLowConfidence: Bool { standing == .modelled || samples < 5 || coverage < 0.9 }
}

/// An open window. Belongs to the meter that gave it out.
public struct WindowToken: Sendable, Hashable {
  package let id: UInt64
}
