// In which order blocks are run, and how many there have to be.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The order of blocks: A B B A or B A A B, drawn for every four. What drifts evenly (heat, load, the channel) then falls
/// on both policies alike, and what the first of a pair does to the second cancels over two pairs.
public struct BlockOrder: Hashable, Sendable {
  private let seed: UInt64

  public init(seed: UInt64) { self.seed = seed }

  /// The policy of a pair's first block.
  public func first(ofPair pair: Int) -> Int {
    var generator = SplitMix(seed: seed &+ UInt64(pair / 2) &* 0x9E37_79B9_7F4A_7C15)
    let drawn = Int.random(in: 0...1, using: &generator)
    return pair % 2 == 0 ? drawn : 1 - drawn
  }

  /// The policy of one block. - Parameter place: 0 or 1.
  public func policy(pair: Int, place: Int) -> Int {
    let first = first(ofPair: pair)
    return place == 0 ? first : 1 - first
  }
}

/// When a comparison ends: decided by the spread of the first pairs, never by what they say, so that looking does not make
/// differences.
public struct StopRule: Codable, Hashable, Sendable {
  /// Half of the wanted 95 % interval, as a part of the ratio: 0.02 for ± 2 %.
  public var precision: Double
  /// Pairs from whose spread the number of pairs is planned, at least 3.
  public var pilot: Int
  /// Most pairs.
  public var most: Int

  public init(precision: Double, pilot: Int, most: Int) {
    self.precision = precision
    self.pilot = pilot
    self.most = most
  }

  /// The number of pairs by Stein's two-stage procedure (Annals of Mathematical Statistics 16, 1945): (t·s/h)² with the
  /// pilot's spread and degrees of freedom; even, so that every A B has its B A.
  /// - Parameter logRatios: of the pilot, ln(B/A) of each pair.
  public func pairs(pilot logRatios: [Double]) -> Int {
    guard logRatios.count >= 2 else { return most }
    let quantile = Statistics.tQuantile(0.975, degreesOfFreedom: Double(logRatios.count - 1))
    let wanted = quantile * Statistics.standardDeviation(logRatios) / log1p(precision)
    let count = (wanted * wanted).rounded(.up)
    guard count.isFinite, count < Double(most) else { return most }
    let even = Int(count) + Int(count) % 2
    return max(pilot, min(most, even))
  }

  /// Half of the interval that the pilot's spread gives to `count` pairs, as a logarithm. The number of pairs was taken
  /// from that spread, so an interval from all pairs must not be narrower than this one.
  public func half(pilot logRatios: [Double], count: Int) -> Double {
    guard logRatios.count >= 2, count > 0 else { return .infinity }
    let quantile = Statistics.tQuantile(0.975, degreesOfFreedom: Double(logRatios.count - 1))
    return quantile * Statistics.standardDeviation(logRatios) / Double(count).squareRoot()
  }
}
