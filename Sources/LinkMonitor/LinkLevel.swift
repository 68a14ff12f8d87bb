// How good a link is, in words that change rarely: what is announced, never a sample.

import SiftCore

/// Bands of the ratio of signal to noise.
public enum LinkLevel: String, Sendable, Hashable, CaseIterable, Codable {
  /// Nothing was received of late.
  case silent
  /// Below 10 dB: BPSK and QPSK.
  case weak
  /// 10 to 20 dB: up to 64-QAM.
  case fair
  /// 20 dB and more.
  case strong

  /// Least ratio, in dB.
  fileprivate var floor: Double {
    switch self {
    case .silent, .weak: -.infinity
    case .fair: 10
    case .strong: 20
    }
  }

  fileprivate init(_ snr: Decibels) {
    self = snr.value >= Self.strong.floor ? .strong : snr.value >= Self.fair.floor ? .fair : .weak
  }
}

/// Follows one link. A new level counts when the signal is 3 dB beyond its bound and stays there for 5 s; silence when nothing
/// was heard for 5 s. A fading channel crosses every bound many times a minute and is announced once.
public struct LevelTracker: Sendable, Hashable {
  public static let margin = 3.0
  public static let patience = Duration.seconds(5)

  /// nil before anything was heard.
  public private(set) var level: LinkLevel?
  private var candidate: LinkLevel?
  private var since = Duration.zero

  public init() {}

  /// - Parameters:
  ///   - snr: of the link now; nil where it is not known.
  ///   - isFresh: whether anything was received of late.
  ///   - instant: of any clock that runs on.
  public mutating func observe(snr: Decibels?, isFresh: Bool, at instant: Duration) {
    guard let seen = seen(snr, isFresh) else { return }
    guard let level else {
      if seen != .silent { self.level = seen }
      return
    }
    guard seen != level else {
      candidate = nil
      return
    }
    if candidate != seen {
      candidate = seen
      since = instant
    }
    if instant - since >= Self.patience {
      self.level = seen
      candidate = nil
    }
  }

  /// The level that the signal speaks for: the present one within its margins.
  private func seen(_ snr: Decibels?, _ isFresh: Bool) -> LinkLevel? {
    guard isFresh else { return .silent }
    guard let snr else { return nil }
    let plain = LinkLevel(snr)
    guard let level, level != .silent, plain != level else { return plain }
    let isUp = plain.floor > level.floor
    let beyond = isUp ? LinkLevel(Decibels(snr.value - Self.margin)) : LinkLevel(Decibels(snr.value + Self.margin))
    return isUp == (beyond.floor > level.floor) && beyond != level ? beyond : level
  }
}
