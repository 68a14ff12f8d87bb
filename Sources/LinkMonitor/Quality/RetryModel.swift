// What repetitions do for frames that are lost one by one.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Frames that are sent until they are acknowledged, at most `attempts` times, each lost with the same chance. Losses of a
/// slow fade come together, so there repetitions help less than this says.
public struct RetryModel: Sendable, Hashable {
  /// Chance that one attempt is lost, 0…1.
  public let loss: Double
  /// ≥ 1.
  public let attempts: Int

  /// mac80211's and most firmwares' limit (dot11ShortRetryLimit, IEEE 802.11-2020, annex C).
  public static let standardAttempts = 7

  public init(loss: Double, attempts: Int = RetryModel.standardAttempts) {
    self.loss = min(1, max(0, loss))
    self.attempts = max(1, attempts)
  }

  /// Chance that a frame gets through: 1 − pⁿ.
  public var delivered: Double { 1 - pow(loss, Double(attempts)) }

  /// Mean number of attempts of a frame, lost ones included: (1 − pⁿ) ÷ (1 − p).
  public var meanAttempts: Double {
    loss < 1 ? delivered / (1 - loss) : Double(attempts)
  }

  /// From what drivers count: repetitions and frames, so that repetitions ÷ all transmissions is the chance that one is lost
  /// (as long as few frames are given up).
  public init(retryRatio: Double) { self.init(loss: retryRatio) }
}
