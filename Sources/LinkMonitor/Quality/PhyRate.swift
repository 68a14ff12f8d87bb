// The bit rates of the OFDM generations of 802.11, from what a symbol carries and how long it lasts.

/// The generation of a rate: how its symbols are made.
public enum PhyGeneration: String, Sendable, Hashable, CaseIterable {
  /// 802.11a/g, 20 MHz, one stream.
  case legacy
  /// 802.11n.
  case ht
  /// 802.11ac.
  case vht
  /// 802.11ax.
  case he
}

/// The space between two symbols.
public enum GuardInterval: Sendable, Hashable, CaseIterable {
  case nanoseconds400, nanoseconds800, nanoseconds1600, nanoseconds3200

  var microseconds: Double {
    switch self {
    case .nanoseconds400: 0.4
    case .nanoseconds800: 0.8
    case .nanoseconds1600: 1.6
    case .nanoseconds3200: 3.2
    }
  }
}

/// Modulation and code of one stream; the index is the same in HT, VHT and HE.
public struct ModulationAndCoding: Sendable, Hashable {
  /// 0…11.
  public let index: Int
  /// Bits of one subcarrier in a symbol: 1 (BPSK) to 10 (1024-QAM).
  public let bitsPerSubcarrier: Int
  public let code: CodeRate

  /// - Returns: nil outside 0…11.
  public init?(index: Int) {
    guard Self.table.indices.contains(index) else { return nil }
    self.index = index
    (bitsPerSubcarrier, code) = Self.table[index]
  }

  private static let table: [(Int, CodeRate)] = [
    (1, .half), (2, .half), (2, .threeQuarters), (4, .half), (4, .threeQuarters), (6, .twoThirds), (6, .threeQuarters),
    (6, .fiveSixths), (8, .threeQuarters), (8, .fiveSixths), (10, .threeQuarters), (10, .fiveSixths),
  ]
}

/// Rates by IEEE 802.11-2020 (clauses 17, 19, 21) and 802.11ax-2021 (clause 27).
public enum PhyRate {
  /// - Parameters:
  ///   - mcs: of ONE stream, 0…11; legacy knows 0…6 (6, 12, 18, 24, 36, 48, 54 Mb/s).
  ///   - streams: 1…8.
  ///   - widthMegahertz: 20, 40, 80 or 160.
  /// - Returns: bit/s; nil for what the standard does not have.
  public static func bitsPerSecond(
    _ generation: PhyGeneration, mcs: Int, streams: Int = 1, widthMegahertz width: Int = 20,
    guardInterval: GuardInterval = .nanoseconds800
  ) -> Double? {
    guard let coding = ModulationAndCoding(index: mcs), (1...8).contains(streams),
      exists(generation, mcs: mcs, streams: streams, width: width, guardInterval),
      let subcarriers = dataSubcarriers(generation, width)
    else { return nil }
    let bits = Double(subcarriers * coding.bitsPerSubcarrier * streams) * coding.code.value
    let symbol = (generation == .he ? 12.8 : 3.2) + guardInterval.microseconds
    return bits / symbol * 1e6
  }

  /// Subcarriers that carry data.
  private static func dataSubcarriers(_ generation: PhyGeneration, _ width: Int) -> Int? {
    switch (generation, width) {
    case (.legacy, 20): 48
    case (.ht, 20), (.vht, 20): 52
    case (.ht, 40), (.vht, 40): 108
    case (.vht, 80), (.he, 20): 234
    case (.vht, 160), (.he, 40): 468
    case (.he, 80): 980
    case (.he, 160): 1960
    default: nil
    }
  }

  private static func exists(
    _ generation: PhyGeneration, mcs: Int, streams: Int, width: Int, _ guardInterval: GuardInterval
  ) -> Bool {
    switch generation {
    case .legacy: mcs <= 6 && streams == 1 && guardInterval == .nanoseconds800
    case .ht: mcs <= 7 && streams <= 4 && guardInterval.microseconds <= 0.8
    case .vht: mcs <= 9 && guardInterval.microseconds <= 0.8 && !isExcluded(mcs: mcs, streams: streams, width: width)
    case .he: guardInterval != .nanoseconds400
    }
  }

  /// Combinations whose bits do not divide among the encoders (802.11-2020, 21.5).
  private static func isExcluded(mcs: Int, streams: Int, width: Int) -> Bool {
    switch (width, mcs) {
    case (20, 9): streams != 3 && streams != 6
    case (80, 6): streams == 3 || streams == 7
    case (80, 9): streams == 6
    case (160, 9): streams == 3
    default: false
    }
  }
}
