// From the ratio of signal to noise to lost frames: bit errors of a modulation, and what a convolutional code leaves of them.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A rate of 802.11's convolutional code.
public enum CodeRate: Sendable, Hashable, CaseIterable {
  case half, twoThirds, threeQuarters, fiveSixths

  public var value: Double {
    switch self {
    case .half: 1.0 / 2
    case .twoThirds: 2.0 / 3
    case .threeQuarters: 3.0 / 4
    case .fiveSixths: 5.0 / 6
    }
  }

  /// Information bits of a puncturing period.
  var period: Double {
    switch self {
    case .half: 1
    case .twoThirds: 2
    case .threeQuarters: 3
    case .fiveSixths: 5
    }
  }

  /// The first terms of the union bound: the power of D with which they begin, how far apart they are, and the number of
  /// wrong information bits on all paths of that distance (G. Pei, T. Henderson, "Validation of OFDM error rate model in
  /// ns-3", 2010, after NIST).
  var distances: (first: Int, step: Int, weights: [Double]) {
    switch self {
    case .half:
      (10, 2, [36, 211, 1404, 11633, 77433, 502_690, 3_322_763, 21_292_910, 134_365_911])
    case .twoThirds:
      (6, 1, [3, 70, 285, 1276, 6160, 27128, 117_019, 498_860, 2_103_891, 8_784_123])
    case .threeQuarters:
      (5, 1, [42, 201, 1492, 10469, 62935, 379_644, 2_253_373, 13_073_811, 75_152_755, 428_005_675])
    case .fiveSixths:
      (
        4, 1,
        [
          92, 528, 8694, 79453, 792_114, 7_375_573, 67_884_974, 610_875_423, 5_427_275_376, 47_664_215_639,
        ]
      )
    }
  }
}

/// Frame loss over white noise by the union bound: 3 to 5 dB more pessimistic than a real receiver, so a bound rather than a
/// forecast; `RequiredSNR` has figures of link simulations.
public enum CodedPacketError {
  /// Chance that a bit of the demodulator is wrong.
  /// - Parameters:
  ///   - bitsPerSubcarrier: 1 (BPSK), 2 (QPSK), or 4, 6, 8 (M-QAM).
  ///   - snr: linear, ≥ 0. - Returns: 0…0.5; NaN for another modulation.
  public static func bitError(bitsPerSubcarrier bits: Int, snr: Double) -> Double {
    switch bits {
    case 1: return 0.5 * erfc(snr.squareRoot())
    case 2: return 0.5 * erfc((snr / 2).squareRoot())
    case 4, 6, 8:
      let root = Double(1 << (bits / 2))
      let points = root * root
      let spread = (snr / (2 * (points - 1) / 3)).squareRoot()
      return (root - 1) / (root * log2(root)) * erfc(spread)
    default: return .nan
    }
  }

  /// Chance that a frame is lost.
  /// - Parameters:
  ///   - bitError: of the demodulator, 0…0.5.
  ///   - bytes: of the frame, > 0.
  public static func frameError(bitError p: Double, code: CodeRate, bytes: Int) -> Double {
    let d = (4 * p * (1 - p)).squareRoot()
    let (first, step, weights) = code.distances
    var sum = 0.0
    for (at, weight) in weights.enumerated() { sum += weight * pow(d, Double(first + at * step)) }
    let wrong = min(1, sum / (2 * code.period))
    return -expm1(8 * Double(bytes) * log1p(-wrong))
  }

  /// Chance that a frame of a rate is lost at `snr` (linear).
  public static func frameError(_ coding: ModulationAndCoding, snr: Double, bytes: Int) -> Double {
    frameError(
      bitError: bitError(bitsPerSubcarrier: coding.bitsPerSubcarrier, snr: snr), code: coding.code, bytes: bytes)
  }
}
