// From a closed window to its reading: sums, coverage, and what they are worth.

import SiftCore

/// Works out one window's reading.
struct WindowReport {
  let window: EnergyWindow
  let rails: [Rail]
  let totalCount: Int
  let state: MeterState
  let configuration: MeterConfiguration
  let pace: SamplingPace

  private var interval: Duration { pace.interval }
  private var elapsed: Duration { (window.end ?? window.start) - window.start }
  private var total: ArraySlice<WindowShare> { window.shares[..<totalCount] }

  /// What the power model says where no rail brought a figure.
  static func modelled(_ model: PowerModel, _ activity: Activity, elapsed: Duration) -> EnergyReading {
    let dynamic = model.dynamicEnergy(of: activity)
    return EnergyReading(
      energy: dynamic + model.idleEnergy(over: elapsed), dynamic: dynamic, uncertainty: nil, standing: .modelled,
      coverage: 1, samples: 0, rails: [], model: model.source, elapsed: elapsed)
  }

  func reading(_ activity: Activity) -> EnergyReading {
    let covered = total.map(\.body.covered).min() ?? .zero
    guard covered > .zero, elapsed > .zero else {
      return Self.modelled(configuration.model, activity, elapsed: elapsed)
    }
    let isPadded = isQuiet
    let padding = isPadded ? window.padding.seconds * 2 : 0
    let rests = total.map { RestLevel($0) }
    let joules = total.indices.reduce(0) { $0 + share($1, padded: isPadded).joules - rests[$1].watts * padding }
    var terms = total.indices.map { budget($0, padded: isPadded).terms }.reduce(.none, +)
    terms.idle = .joules(total.indices.reduce(0) { $0 + rests[$1].deviation(step: state.step(of: $1)) } * padding)
    let dynamic = state.idle.level.map { joules - $0.watts * covered.seconds }
    return EnergyReading(
      energy: .joules(joules), dynamic: dynamic.map { .joules($0) }, uncertainty: terms.combined,
      dynamicUncertainty: dynamic.flatMap { uncertainty(ofDynamic: $0, joules, terms, covered) }, terms: terms,
      standing: rails[..<totalCount].map(\.standing).max() ?? .modelled,
      coverage: min(1, covered.seconds / elapsed.seconds), samples: total.map(\.body.samples).min() ?? 0,
      rails: rails[..<totalCount].map(\.id), parts: parts, isPadded: isPadded, model: nil, elapsed: elapsed)
  }

  /// Nothing else ran within the padding, every rail was at rest around it and saw all of it, and none shows snapshots,
  /// between which anything may have happened.
  private var isQuiet: Bool {
    guard window.isQuietBefore, window.isQuietAfter else { return false }
    let whole = window.padding - .microseconds(1)
    return total.indices.allSatisfy { at in
      let share = total[at]
      return share.head.covered >= whole && share.tail.covered >= whole
        && share.body.covered >= elapsed - .microseconds(1) && isGapless(rails[at])
        && RestLevel(share).isRest(step: state.step(of: at))
    }
  }

  private func isGapless(_ rail: Rail) -> Bool {
    if case .counter = rail.probe { return true }
    return (rail.averaging ?? .zero) >= interval * 4 / 5
  }

  private func share(_ rail: Int, padded: Bool) -> RailShare {
    var share = window.shares[rail].body
    if padded {
      share.add(window.shares[rail].head)
      share.add(window.shares[rail].tail)
    }
    return share
  }

  private func budget(_ at: Int, padded: Bool) -> UncertaintyBudget {
    let rail = rails[at]
    let share = share(at, padded: padded)
    var budget = UncertaintyBudget()
    budget.joules = share.joules
    budget.seconds = share.covered.seconds
    budget.interval = interval.seconds
    budget.stepsSquared = max(share.stepsSquared, state.tracks[at].unrest * budget.seconds)
    budget.voltageStep = rail.voltageStep
    budget.gain = configuration.gainUncertainty[rail.source]
    budget.offset = rail.offsetWatts
    if case .counter = rail.probe {
      // A counter's total is exact; its age is that of its last refresh.
      budget.averaged = 1
      budget.age = pace.ages[at].seconds
      budget.endPower = share.samples > 0 ? max(abs(share.mostWatts), abs(share.leastWatts)) : 0
    } else {
      budget.averaged = (rail.averaging ?? .zero) / interval
      budget.step = state.step(of: at)
      budget.flat = share.flat.seconds
    }
    if !padded {
      budget.edge = share.spread
      budget.smear = (max(interval, window.shares[at].straddling) + age(of: rail)).seconds
    }
    return budget
  }

  /// How far back a reading of power may reach. Fuel gauges do not tell: drivers keep their figures for up to five seconds
  /// (drivers/power/supply/bq27xxx_battery.c).
  private func age(of rail: Rail) -> Duration {
    let known = max(rail.averaging ?? .zero, rail.refresh ?? .zero)
    return rail.source == .powerSupply && known == .zero ? .seconds(5) : known
  }

  /// Gain acts on what is above idle; the zero point cancels, because the same sensor showed the idle level.
  private func uncertainty(
    ofDynamic dynamic: Double, _ joules: Double, _ terms: UncertaintyTerms, _ covered: Duration
  ) -> Energy? {
    guard let gain = terms.gain, let idle = state.idle.uncertainty else { return nil }
    let parts = [
      terms.repeatability.joules, joules != 0 ? gain.joules * abs(dynamic / joules) : 0, idle.watts * covered.seconds,
    ]
    return .joules(parts.reduce(0) { $0 + $1 * $1 }.squareRoot())
  }

  private var parts: [RailInterval] {
    rails.indices.map { at in
      let share = window.shares[at].body
      return RailInterval(
        id: rails[at].id, parent: at < totalCount ? nil : rails[at].parent, role: RailRole(label: rails[at].label),
        joules: share.joules, idle: state.railIdle[at].level.map { $0.watts * share.covered.seconds },
        coverage: min(1, share.covered.seconds / elapsed.seconds), standing: rails[at].standing)
    }
  }
}

/// The level of a rail just before a window's padding: what its pads are taken to hold besides the window's smeared edges.
private struct RestLevel {
  /// Mean power, in watts; 0 where nothing was seen.
  let watts: Double
  private let samples: Int
  private let spread: Double
  private let end: Double?

  init(_ share: WindowShare) {
    let rest = share.rest
    watts = rest.covered > .zero ? rest.joules / rest.covered.seconds : 0
    samples = rest.samples
    spread = rest.spread
    end = share.lastWatts
  }

  /// As far as power moved before, and from there to after.
  private var movement: Double { max(spread, abs((end ?? .infinity) - watts)) }

  /// Three readings at least before, and none of them or the one after off by more than 3 %, or a step and a half.
  func isRest(step: Double) -> Bool { samples >= 3 && movement <= max(0.03 * abs(watts), 1.5 * step) }

  /// Standard uncertainty of the level, in watts: even within what it moved, or within a step.
  func deviation(step: Double) -> Double { max(min(movement, abs(watts)), step) / 12.0.squareRoot() }
}
