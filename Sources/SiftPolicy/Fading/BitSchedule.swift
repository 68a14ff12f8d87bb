// How many bits to send in each slot of an uplink whose gain changes from slot to slot (docs/theory, §7).

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Energy of sending bits over a Shannon channel: E(x, Δ; g) = (Δ·N₀B/g)(2^{x/(ΔB)} − 1).
public struct ShannonSlot: Sendable, Hashable {
  /// Seconds a slot (Δ), > 0.
  public let duration: Double
  /// Bandwidth B in hertz, > 0.
  public let bandwidth: Double
  /// Noise density over mean path gain, N₀/h̄, in joules: so that `gain` has mean 1, > 0.
  public let noise: Double
  /// - Returns: nil unless all are finite and > 0.
  public init?(duration: Double, bandwidth: Double, noise: Double) {
    guard duration > 0, bandwidth > 0, noise > 0, (duration + bandwidth + noise).isFinite else { return nil }
    self.duration = duration
    self.bandwidth = bandwidth
    self.noise = noise
  }
  /// Joules for `bits` at power gain `gain`; infinite at gain 0 unless bits is 0.
  public func energy(bits: Double, gain: Double) -> Double {
    bits <= 0 ? 0 : duration * noise * bandwidth / gain * expm1(bits / (duration * bandwidth) * log(2))
  }
}

/// The optimal schedule by dynamic programming over (slots left, bits left):
///
///     V_k(b, g) = min_{0 ≤ x ≤ b} E(x; g) + E_g′ V_{k−1}(b − x, g′),   V_0(b > 0) = ∞
///
/// Gains of different slots are independent and drawn from the equally likely `gains`. Bits come in quanta. Only the
/// expectation over the gain is stored, because the present gain is known when it is used.
///
/// - Complexity: to make, O(slots · quanta² · gains); to ask, O(quanta).
public struct BitSchedule: Sendable {
  public let slot: ShannonSlot
  /// Bits in one quantum.
  public let quantum: Double
  public let quanta: Int
  public let slots: Int
  /// `[slots left, quanta left]`: E_g V, joules; row 0 is 0 for no bits and infinite otherwise.
  private let expected: [Double]

  /// - Returns: nil unless slots ≥ 1, quanta ≥ 1, quantum > 0 and every gain > 0 (an upper set of quantiles; a gain of 0
  ///   would make every schedule infinite).
  public init?(slot: ShannonSlot, slots: Int, quanta: Int, quantum: Double, gains: [Double]) {
    guard slots >= 1, quanta >= 1, quantum > 0, quantum.isFinite, !gains.isEmpty,
      gains.allSatisfy({ $0 > 0 && $0.isFinite })
    else { return nil }
    self.slot = slot
    self.quantum = quantum
    self.quanta = quanta
    self.slots = slots
    let width = quanta + 1
    var table = Array(repeating: Double.infinity, count: (slots + 1) * width)
    table[0] = 0
    // Energy of x quanta at gain 1: it scales with 1/g.
    let unit = (0...quanta).map { slot.energy(bits: Double($0) * quantum, gain: 1) }
    for left in 1...slots {
      for bits in 0...quanta {
        var sum = 0.0
        for gain in gains {
          sum +=
            Self.best(bits: bits, gain: gain, unit: unit, later: table[((left - 1) * width)..<(left * width)]).value
        }
        table[left * width + bits] = sum / Double(gains.count)
      }
    }
    self.expected = table
    self.unit = unit
  }
  private let unit: [Double]

  /// Expected joules of sending `quanta` with `slotsLeft` slots to come.
  /// - Precondition: 0 ≤ slotsLeft ≤ slots, 0 ≤ quantaLeft ≤ quanta.
  public func expectedEnergy(slotsLeft: Int, quantaLeft: Int) -> Double {
    precondition((0...slots).contains(slotsLeft) && (0...quanta).contains(quantaLeft), "outside the table")
    return expected[slotsLeft * (quanta + 1) + quantaLeft]
  }

  /// How many quanta to send now, at power gain `gain`, with `slotsLeft` slots left including this one.
  /// - Precondition: 1 ≤ slotsLeft ≤ slots, 0 ≤ quantaLeft ≤ quanta.
  public func send(slotsLeft: Int, quantaLeft: Int, gain: Double) -> Int {
    precondition((1...slots).contains(slotsLeft) && (0...quanta).contains(quantaLeft), "outside the table")
    let width = quanta + 1
    return Self.best(
      bits: quantaLeft, gain: gain, unit: unit, later: expected[((slotsLeft - 1) * width)..<(slotsLeft * width)]
    ).send
  }

  private static func best(bits: Int, gain: Double, unit: [Double], later: ArraySlice<Double>) -> (
    send: Int, value: Double
  ) {
    var send = bits
    var value = Double.infinity
    for x in 0...bits {
      let total = unit[x] / gain + later[later.startIndex + bits - x]
      if total < value {
        value = total
        send = x
      }
    }
    return (send, value)
  }
}

/// The same question on a real radio, which cannot choose its bits a slot but can choose WHEN to hand over a chunk:
/// optimal stopping, W_k = E_g min(c(g), W_{k−1}) with W_0 the cost of missing the deadline.
public struct SendOrWait: Sendable, Hashable {
  /// `[slots left]`: expected cost of going on with that many slots, joules; element 0 is the cost of missing.
  public let thresholds: [Double]

  /// - Parameters:
  ///   - costs: what sending would cost at each of the equally likely gains, joules, ≥ 0 (an outage costs what it loses).
  ///   - missing: joules that missing the deadline costs, ≥ 0.
  /// - Returns: nil when a figure is negative or NaN, or `costs` is empty.
  public init?(slots: Int, costs: [Double], missing: Double) {
    guard slots >= 0, !costs.isEmpty, missing >= 0, costs.allSatisfy({ $0 >= 0 }) else { return nil }
    var thresholds = [missing]
    for left in 0..<slots {
      thresholds.append(costs.reduce(0) { $0 + min($1, thresholds[left]) } / Double(costs.count))
    }
    self.thresholds = thresholds
  }

  /// Whether to send now at `cost`, with `slotsAfter` slots still to come after this one.
  public func sendsNow(cost: Double, slotsAfter: Int) -> Bool {
    cost <= thresholds[min(max(0, slotsAfter), thresholds.count - 1)]
  }
}
