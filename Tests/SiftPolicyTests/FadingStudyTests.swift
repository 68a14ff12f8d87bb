// The promises of the fast-fading policy, kept over 10^5 simulated tokens (docs/theory, §7).

import Glibc
import SiftPolicy
import Testing

@Suite struct `Fast fading over a hundred thousand tokens` {
  static let study = FadingStudy(tokens: 100_000, seed: 20)
  static let budget = FadingStudy.budget
  /// Knows how every visit will go.
  static let clairvoyant = study.run(study.everything)
  /// Knows the channels' own laws only.
  static let mean = study.run(study.means)

  @Test(arguments: [0.01, 0.04, 0.1, 0.3])
  func `the average error is kept at an energy near the best`(turns: Double) {
    let study = Self.study
    let forecast = study.sample(turns: turns, isBelieved: false)
    let own = study.run(forecast)
    // Within 1 % of the budget, whichever way.
    #expect(abs(own.error / Self.budget - 1) <= 0.01, "\(own)")

    // The best price that never moves, found by the secant from where the queue hovers.
    var price = own.price
    let trial = study.run(forecast, price: price, tokens: 20_000)
    let steeper = study.run(forecast, price: price * 1.1, tokens: 20_000)
    price *= 1 + 0.1 * (trial.error - Self.budget) / max(1e-9, trial.error - steeper.error)
    let fixed = study.run(forecast, price: price)
    #expect(abs(fixed.error / Self.budget - 1) <= 0.02)
    #expect(own.energy(at: Self.budget) <= 1.08 * fixed.energy(at: Self.budget), "\(own) \(fixed)")

    let stale = study.run(study.sample(turns: turns, isBelieved: true))
    #expect(own.energy(at: Self.budget) <= stale.energy(at: Self.budget), "\(own) \(stale)")
    #expect(own.energy(at: Self.budget) <= 1.02 * Self.mean.energy(at: Self.budget), "\(own) \(Self.mean)")
    if turns <= 0.04 {
      #expect(
        own.energy(at: Self.budget) <= 1.1 * Self.clairvoyant.energy(at: Self.budget), "\(own) \(Self.clairvoyant)")
    }
    // No knowledge beats the whole of it.
    #expect(own.energy(at: Self.budget) >= 0.99 * Self.clairvoyant.energy(at: Self.budget))
    if printsFigures { print("f_D·τ", turns, "own", own, "fixed", fixed, "stale", stale) }
  }

  @Test func `a token that visits somebody is late no oftener than accepted`() {
    let study = Self.study
    let forecast = study.sample(turns: 0.1, isBelieved: false)
    let careless = study.run(forecast, tokens: 20_000)
    for lateness in [0.02, 0.1] {
      let careful = study.run(forecast, lateness: lateness, tokens: 20_000)
      #expect(careful.late <= lateness && careful.late > 0.1 * lateness, "\(careful)")
      #expect(careful.late < careless.late, "\(careless)")
    }
  }

  @Test func `Top-K and a limit for every token cost clearly more`() {
    let study = Self.study
    let own = study.run(study.sample(turns: 0.3, isBelieved: false))
    let topk = study.run(.topk, knob: 0)
    #expect(own.energy <= 0.7 * topk.energy, "\(own) \(topk)")
    // The limit of §5 that gives the same average error.
    var (low, high) = (0.0, 2 * Self.budget)
    for _ in 0..<10 {
      let middle = (low + high) / 2
      let isAbove = study.run(.siftmoeToken, knob: middle, tokens: 10_000).error > Self.budget
      (low, high) = isAbove ? (low, middle) : (middle, high)
    }
    let token = study.run(.siftmoeToken, knob: (low + high) / 2)
    #expect(abs(token.error / Self.budget - 1) <= 0.03, "\(token)")
    #expect(own.energy <= 0.9 * token.energy, "\(own) \(token)")
    if printsFigures { print("mean", Self.mean, "all known", Self.clairvoyant, "topk", topk, "per token", token) }
  }

  @Test func `the price finds its place whatever the unit of energy`() {
    let study = Self.study
    let known = study.means
    for exponent in [-20, 20] {
      let factor = exponent < 0 ? 0x1p-20 : 0x1p20
      let unit = PriceScale(visit: study.scale.unit * Self.budget * factor, budget: Self.budget)
      #expect(unit?.unit == study.scale.unit * factor)
      #expect(unit?.queue()?.step == (study.scale.queue()?.step ?? 0) * factor)
    }
    // From a first price ten times too low or too high, within the first thousand tokens.
    for start in [0.05, 5.0] {
      let outcome = study.run(known, firstPrice: start, tokens: 10_000)
      #expect(abs(outcome.error / Self.budget - 1) <= 0.05, "\(start) \(outcome)")
    }
  }
}

/// SIFT_FIGURES=1 has the figures of docs/theory, §7 printed.
private let printsFigures = getenv("SIFT_FIGURES") != nil
