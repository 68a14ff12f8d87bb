// Forecasts of a fading gain, and what is decided with them, against simulation and enumeration.

import Glibc
import SiftPolicy
import Testing

/// xorshift64*: small, seeded, good enough to draw channels with.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
  mutating func normal() -> Double {
    let u = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
    let v = Double.random(in: 0..<1, using: &self)
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
  }
}

/// Two complex gains of one channel, `rho` apart.
private func pair(k: Double, rho: Double, using generator: inout SeededGenerator) -> (now: Double, then: Double) {
  let line = (k / (k + 1)).squareRoot()
  let sigma = (0.5 / (k + 1)).squareRoot()
  let (a, b) = (sigma * generator.normal(), sigma * generator.normal())
  let rest = (1 - rho * rho).squareRoot() * sigma
  let (c, d) = (rho * a + rest * generator.normal(), rho * b + rest * generator.normal())
  return ((line + a) * (line + a) + b * b, (line + c) * (line + c) + d * d)
}

@Suite struct `Gain forecasts` {
  @Test func `a fresh sample is believed and an ancient one forgotten`() throws {
    let channel = try #require(FadingChannel(meanSNR: 100, riceFactor: 0, doppler: 10))
    let fresh = GainForecast(of: channel, sampledGain: 0.5, age: 0)
    #expect(fresh.probability(below: 0.499) == 0 && fresh.probability(below: 0.501) == 1)
    let marginal = GainForecast(of: channel)
    for threshold in [0.01, 0.3, 1, 4] {
      #expect(abs(marginal.probability(below: threshold) - (1 - exp(-threshold))) < 1e-9)
    }
    // J0's first zero: nothing of the sample is left.
    let forgotten = GainForecast(of: channel, sampledGain: 3, age: 2.404825557695773 / (2 * .pi * 10))
    #expect(abs(forgotten.probability(below: 0.3) - (1 - exp(-0.3))) < 1e-9)
  }

  @Test(arguments: [0.0, 1, 3, 10], [0.02, 0.1, 0.3])
  func `forecast probabilities come true`(k: Double, turns: Double) throws {
    // Calibration: among the draws whose forecast is p, the share that falls below is p, within four standard errors.
    let channel = try #require(FadingChannel(meanSNR: 1, riceFactor: k, doppler: 1))
    let rho = channel.correlation(age: turns)
    var generator = SeededGenerator(seed: UInt64(k * 100 + turns * 1000))
    var bins = Array(repeating: (forecast: 0.0, happened: 0.0, variance: 0.0, count: 0), count: 8)
    for _ in 0..<20_000 {
      let (now, then) = pair(k: k, rho: rho, using: &generator)
      let p = GainForecast(of: channel, sampledGain: now, age: turns).probability(below: 0.5)
      let bin = min(7, Int(p * 8))
      bins[bin].forecast += p
      bins[bin].variance += p * (1 - p)
      bins[bin].happened += then < 0.5 ? 1 : 0
      bins[bin].count += 1
    }
    for bin in bins where bin.count > 100 {
      #expect(abs(bin.forecast - bin.happened) <= 4 * max(1, bin.variance).squareRoot(), "\(bin)")
    }
    #expect(bins.reduce(0) { $0 + $1.count } == 20_000)
  }

  @Test func `a mean gain is one when nothing is known`() throws {
    for k in [0.0, 0.5, 7] {
      let channel = try #require(FadingChannel(meanSNR: 10, riceFactor: k, doppler: 5))
      #expect(abs(GainForecast(of: channel).mean - 1) < 1e-12)
    }
    #expect(FadingChannel(meanSNR: 0, riceFactor: 0, doppler: 1) == nil)
    #expect(FadingChannel(meanSNR: 1, riceFactor: .nan, doppler: 1) == nil)
  }
}

@Suite struct `Visit forecasts` {
  @Test func `an expectation over the rate table equals the mean of many draws`() throws {
    let table = try #require(
      RateTable([
        .init(minimumSNR: 2, goodput: 5e6), .init(minimumSNR: 8, goodput: 12e6), .init(minimumSNR: 40, goodput: 40e6),
      ]))
    let channel = try #require(FadingChannel(meanSNR: 15, riceFactor: 2, doppler: 8))
    let price = VisitForecast.Price(power: 1.5, perVisit: 2e-4, overhead: 5e-4, outage: 4e-3)
    let (bits, limit, age) = (16_000.0, 3e-3, 0.004)
    let gain = 0.4
    let visit = VisitForecast(
      gain: GainForecast(of: channel, sampledGain: gain, age: age), meanSNR: 15, table: table, bits: bits, price: price,
      limit: limit)
    // Draw pairs and keep those whose sample was close to `gain`.
    var generator = SeededGenerator(seed: 11)
    let rho = channel.correlation(age: age)
    var (energy, failures, count) = (0.0, 0.0, 0.0)
    while count < 20_000 {
      let (now, then) = pair(k: 2, rho: rho, using: &generator)
      guard abs(now - gain) < 0.01 else { continue }
      count += 1
      let time = table.entries.last { $0.minimumSNR <= 15 * then }.map { 5e-4 + bits / $0.goodput }
      if let time, time <= limit {
        energy += 2e-4 + 1.5 * time
      } else {
        energy += 2e-4 + 4e-3
        failures += 1
      }
    }
    #expect(abs(visit.outage - failures / count) < 0.015)
    #expect(abs(visit.energy / (energy / count) - 1) < 0.03)
    #expect(visit.expectedError(chosen: 0, fallback: 0.2) == visit.outage * 0.2)
  }

  @Test func `a table that does not rise is refused`() {
    #expect(RateTable([]) == nil)
    #expect(RateTable([.init(minimumSNR: 2, goodput: 5), .init(minimumSNR: 3, goodput: 5)]) == nil)
    #expect(RateTable([.init(minimumSNR: 2, goodput: 5), .init(minimumSNR: 2, goodput: 6)]) == nil)
    #expect(RateTable([.init(minimumSNR: -1, goodput: 5)]) == nil)
  }
}

@Suite struct `The error queue` {
  @Test(arguments: 1...20) func `never lets the average exceed the budget by more than its bound`(seed: UInt64) throws {
    // Even against an adversary who ignores the price.
    var generator = SeededGenerator(seed: seed)
    var queue = try #require(ErrorQueue(budget: 0.1, step: 0.02, price: 0.005))
    for _ in 0..<2_000 {
      queue.book(error: Double.random(in: 0..<0.4, using: &generator))
      let mean = try #require(queue.meanError)
      let bound = try #require(queue.excessBound)
      #expect(mean <= 0.1 + bound + 1e-12)
    }
  }

  @Test func `a new step moves prices and leaves the debt and its bound`() throws {
    var queue = try #require(ErrorQueue(budget: 0.1, step: 0.5, price: 0.2))
    queue.book(error: 0.4)
    let (debt, bound) = (queue.debt, queue.excessBound)
    queue.rescale(by: 1e-6)
    #expect(queue.debt == debt && queue.excessBound == bound && abs(queue.price / (0.5e-6 * 0.7) - 1) < 1e-12)
    queue.rescale(by: 0)
    #expect(abs(queue.step / 0.5e-6 - 1) < 1e-12)
    // What was booked as expected is set right.
    queue.correct(by: -0.15)
    #expect(abs(queue.debt - 0.55) < 1e-12 && abs((queue.meanError ?? 0) - 0.25) < 1e-12)
  }

  @Test func `a steady queue comes back to its debt, and so to its budget`() throws {
    // Errors fall as the price rises: the price that meets the budget is ten times the first one.
    var queue = try #require(ErrorQueue(budget: 0.1, step: 0.2, price: 1, isSteady: true))
    let start = queue.debt
    for _ in 0..<20_000 { queue.book(error: 1 / (1 + 0.9 * queue.price)) }
    #expect(abs(queue.debt / start - 1) < 0.01 && abs(queue.price - 10) < 0.1)
    #expect(abs((queue.meanError ?? 0) / 0.1 - 1) < 0.001)
    // What no price can buy does not make it endless.
    for _ in 0..<100_000 { queue.book(error: 1) }
    #expect(queue.price.isFinite)
  }

  @Test func `the price follows the errors and stops at zero`() throws {
    var queue = try #require(ErrorQueue(budget: 0.1, step: 1))
    queue.book(error: 0)
    #expect(queue.price == 0)
    queue.book(error: 0.3)
    #expect(abs(queue.price - 0.2) < 1e-15)
    #expect(ErrorQueue(budget: -1, step: 1) == nil && ErrorQueue(budget: 0.1, step: 0) == nil)
  }
}

@Suite struct `Bit schedules` {
  private func slot() throws -> ShannonSlot {
    try #require(ShannonSlot(duration: 1e-3, bandwidth: 1e6, noise: 1e-9))
  }
  /// Equally likely quantiles of Gamma(shape 2, mean 1): the paper's fading.
  private var gammaGains: [Double] {
    var generator = SeededGenerator(seed: 5)
    return (0..<64).map { _ in
      let (a, b) = (Double.random(in: 1e-12..<1, using: &generator), Double.random(in: 1e-12..<1, using: &generator))
      return max(0.02, -0.5 * (log(a) + log(b)))
    }
  }

  @Test func `are never dearer than uniform bits on the same gains, on average over ten thousand draws`() throws {
    let gains = gammaGains
    let (slots, quanta, quantum) = (6, 24, 500.0)
    let slot = try slot()
    let schedule = try #require(
      BitSchedule(slot: slot, slots: slots, quanta: quanta, quantum: quantum, gains: gains))
    var generator = SeededGenerator(seed: 3)
    var (planned, uniform) = (0.0, 0.0)
    for _ in 0..<10_000 {
      var left = quanta
      for at in 0..<slots {
        let gain = gains.randomElement(using: &generator) ?? 1
        let now = schedule.send(slotsLeft: slots - at, quantaLeft: left, gain: gain)
        planned += slot.energy(bits: Double(now) * quantum, gain: gain)
        left -= now
        uniform += slot.energy(bits: Double(quanta / slots) * quantum, gain: gain)
      }
      #expect(left == 0)
    }
    #expect(planned < uniform)
    let expected = schedule.expectedEnergy(slotsLeft: slots, quantaLeft: quanta) * 10_000
    #expect(abs(planned / expected - 1) < 0.02)
  }

  @Test func `are uniform on a channel that does not change`() throws {
    let slot = try slot()
    let schedule = try #require(BitSchedule(slot: slot, slots: 4, quanta: 20, quantum: 300, gains: [0.7]))
    var left = 20
    for slots in (1...4).reversed() {
      let now = schedule.send(slotsLeft: slots, quantaLeft: left, gain: 0.7)
      #expect(now == 5)
      left -= now
    }
    let uniform = 4 * slot.energy(bits: 1500, gain: 0.7)
    #expect(abs(schedule.expectedEnergy(slotsLeft: 4, quantaLeft: 20) / uniform - 1) < 1e-12)
  }

  @Test func `equal the direct enumeration of every plan on small grids`() throws {
    let gains = [0.2, 0.9, 2.5]
    let slot = try slot()
    let schedule = try #require(BitSchedule(slot: slot, slots: 4, quanta: 5, quantum: 700, gains: gains))
    func value(_ slots: Int, _ bits: Int) -> Double {
      if slots == 0 { return bits == 0 ? 0 : .infinity }
      return gains.map { gain in
        (0...bits).map { slot.energy(bits: Double($0) * 700, gain: gain) + value(slots - 1, bits - $0) }.min() ?? 0
      }.reduce(0, +) / 3
    }
    for slots in 0...4 {
      for bits in 0...5 {
        let direct = value(slots, bits)
        let table = schedule.expectedEnergy(slotsLeft: slots, quantaLeft: bits)
        #expect(direct == table || abs(table / direct - 1) < 1e-12)
      }
    }
  }

  @Test func `refuse what has no answer`() throws {
    #expect(ShannonSlot(duration: 0, bandwidth: 1, noise: 1) == nil)
    let slot = try slot()
    #expect(BitSchedule(slot: slot, slots: 0, quanta: 1, quantum: 1, gains: [1]) == nil)
    #expect(BitSchedule(slot: slot, slots: 1, quanta: 1, quantum: 1, gains: [0]) == nil)
  }

  @Test(arguments: [[1.0, 4, 9], [3, 3, 30], [0, 0, 50]], [2.0, 20])
  func `waiting equals the best of all ways to decide, tried one by one`(costs: [Double], missing: Double) throws {
    // A way to decide says for each slot at which of the costs to send; every sequence of costs is then gone through.
    let slots = 3
    let rule = try #require(SendOrWait(slots: slots, costs: costs, missing: missing))
    let subsets = 1 << costs.count
    var best = Double.infinity
    for way in 0..<subsets * subsets * subsets {
      let sends = [way % subsets, way / subsets % subsets, way / subsets / subsets]
      func expected(_ slot: Int) -> Double {
        if slot == slots { return missing }
        return costs.indices.reduce(0) { sum, at in
          sum + (sends[slot] & 1 << at != 0 ? costs[at] : expected(slot + 1)) / Double(costs.count)
        }
      }
      best = min(best, expected(0))
    }
    #expect(abs(rule.thresholds[slots] - best) < 1e-12)
  }

  @Test func `waiting is worth something only while slots are left`() throws {
    let rule = try #require(SendOrWait(slots: 3, costs: [1, 4, 9], missing: 20))
    // W1 = 14/3; W2 = (1 + 4 + 14/3)/3; W3 = (1 + W2 + W2)/3.
    #expect(abs(rule.thresholds[1] - 14.0 / 3) < 1e-12)
    #expect(abs(rule.thresholds[2] - (5 + 14.0 / 3) / 3) < 1e-12)
    #expect(rule.sendsNow(cost: 9, slotsAfter: 0))
    #expect(!rule.sendsNow(cost: 9, slotsAfter: 1))
    #expect(rule.sendsNow(cost: 1, slotsAfter: 3))
    #expect(SendOrWait(slots: 1, costs: [], missing: 1) == nil)
  }
}
