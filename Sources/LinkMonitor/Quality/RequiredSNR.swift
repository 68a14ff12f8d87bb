// What signal a rate needs: ratios to noise from link simulations, and the least level that the standard demands.

import SiftCore

/// The ratio of signal to noise at which one frame in ten is lost, by MCS of one stream.
public enum RequiredSNR {
  /// Whose figures.
  public enum Receiver: Sendable, Hashable, CaseIterable {
    /// Binary convolutional code, frames of 1458 bytes (ns-3's link-to-system tables).
    case convolutional
    /// The same, frames of 32 bytes.
    case convolutionalShort
    /// Low-density parity-check code, frames of 1458 bytes.
    case parityCheck
  }

  /// - Parameter mcs: 0…9 with the convolutional code, 0…11 with parity checks. - Returns: nil outside.
  public static func tenPercentLoss(mcs: Int, receiver: Receiver = .convolutional) -> Decibels? {
    let table =
      switch receiver {
      case .convolutional: convolutional
      case .convolutionalShort: convolutionalShort
      case .parityCheck: parityCheck
      }
    return table.indices.contains(mcs) ? Decibels(table[mcs]) : nil
  }

  private static let convolutional = [0.86, 3.89, 6.37, 9.63, 12.72, 17.02, 18.31, 19.58, 23.65, 25.10]
  private static let convolutionalShort = [-0.41, 2.57, 5.06, 8.04, 11.21, 15.25, 16.57, 18.06, 21.68, 23.24]
  private static let parityCheck = [
    -0.67, 2.34, 4.81, 7.87, 10.89, 15.08, 16.46, 17.99, 21.64, 23.47, 26.78, 28.86,
  ]

  /// Least level at which a receiver must hold the rate (IEEE 802.11-2020, tables 19-23 and 21-25; 802.11ax-2021, table
  /// 27-51): 3 dB more for each doubling of the width.
  /// - Returns: nil for other widths than 20, 40, 80, 160 MHz or an MCS outside 0…11.
  public static func minimumSensitivity(mcs: Int, widthMegahertz: Int) -> DecibelMilliwatts? {
    let doublings = [20: 0.0, 40: 1, 80: 2, 160: 3]
    guard sensitivity.indices.contains(mcs), let wider = doublings[widthMegahertz] else { return nil }
    return DecibelMilliwatts(sensitivity[mcs] + 3 * wider)
  }

  private static let sensitivity: [Double] = [-82, -79, -77, -74, -70, -66, -65, -64, -59, -57, -54, -52]
}

/// The rates that a link can choose from, slowest first, and the signal each needs.
public struct RateLadder: Sendable, Hashable {
  public struct Step: Sendable, Hashable {
    /// Ratio of signal to noise at which one frame in ten is lost.
    public let needs: Decibels
    /// PHY rate, in bit/s.
    public let bitsPerSecond: Double
    public init(needs: Decibels, bitsPerSecond: Double) {
      self.needs = needs
      self.bitsPerSecond = bitsPerSecond
    }
  }
  /// Rising in both figures; never empty.
  public let steps: [Step]

  /// The ladder that a rate in use stands on: its generation, streams, width and guard interval. Drivers that tell a mere
  /// number (brcmfmac) are taken for one stream of 802.11n, or of 802.11a where the number is one of its.
  public init(of rate: BitRate?) {
    let generation = Self.generation(rate)
    let streams = rate?.effectiveStreams ?? 1
    let guardInterval: GuardInterval =
      switch generation {
      case .legacy: .nanoseconds800
      case .ht, .vht: rate?.isShortGuard == true ? .nanoseconds400 : .nanoseconds800
      case .he: rate?.heGuard ?? .nanoseconds800
      }
    let receiver: RequiredSNR.Receiver = generation == .he ? .parityCheck : .convolutional
    let width = rate.map(\.widthMegahertz) ?? 20
    let steps = (0...11).compactMap { mcs -> Step? in
      guard let needs = RequiredSNR.tenPercentLoss(mcs: mcs, receiver: receiver),
        let speed = PhyRate.bitsPerSecond(
          generation, mcs: mcs, streams: streams, widthMegahertz: width, guardInterval: guardInterval)
      else { return nil }
      return Step(needs: needs, bitsPerSecond: speed)
    }
    // A width that no table has (5, 10, 320 MHz): the 20 MHz ladder of 802.11a, which promises too little.
    self.steps = steps.isEmpty ? Self.legacySteps : steps
  }

  private static let legacySteps: [Step] = (0...6).compactMap { mcs in
    guard let needs = RequiredSNR.tenPercentLoss(mcs: mcs), let speed = PhyRate.bitsPerSecond(.legacy, mcs: mcs)
    else { return nil }
    return Step(needs: needs, bitsPerSecond: speed)
  }

  private static func generation(_ rate: BitRate?) -> PhyGeneration {
    guard let rate else { return .legacy }
    if let generation = rate.generation { return generation }
    let legacy: Set<Double> = [1e6, 2e6, 5.5e6, 6e6, 9e6, 11e6, 12e6, 18e6, 24e6, 36e6, 48e6, 54e6]
    return rate.bitsPerSecond.map { legacy.contains($0) } ?? true ? .legacy : .ht
  }

  /// The slowest step that carries `bitsPerSecond`; nil when none does.
  public func step(carrying bitsPerSecond: Double) -> Step? { steps.first { $0.bitsPerSecond >= bitsPerSecond } }
}
