// Links over time in a file: one JSON object a line, `{"time_s": …, "links": [as in links.md]}`; and such a file in the place
// of the machine.

import SiftCore

/// One line of a recording.
public struct LinkRecordingLine: Codable, Sendable, Hashable {
  /// Seconds since the recording began.
  public var time: Double
  public var links: [LinkRow]

  public init(time: Double, links: [LinkRow]) {
    self.time = time
    self.links = links
  }

  private enum CodingKeys: String, CodingKey {
    case links
    case time = "time_s"
  }
}

/// A recording in memory: lines by rising time.
public struct LinkRecording: Sendable, Hashable {
  public let lines: [LinkRecordingLine]

  /// - Returns: nil unless there are lines, times are finite, not negative and rising.
  public init?(_ lines: [LinkRecordingLine]) {
    guard !lines.isEmpty, lines.allSatisfy({ $0.time.isFinite && $0.time >= 0 }),
      zip(lines, lines.dropFirst()).allSatisfy({ $0.time < $1.time })
    else { return nil }
    self.lines = lines
  }

  public var length: Duration { .seconds(lines[lines.count - 1].time) }
}

/// Plays a recording: what was read then, with the fading estimated anew from the fresh signals, so that a better estimator
/// shows on an old recording. After its end nothing is fresh any more.
struct LinkReplay: Sendable {
  private let recording: LinkRecording
  private let stale: Duration
  private var begin: Duration?
  /// Index of the next line.
  private var next = 0
  private var epoch: UInt64 = 0
  private var series: [String: FadingHistory] = [:]
  private var fading: [String: FadingEstimate] = [:]
  private var trackers: [String: LevelTracker] = [:]
  private var estimatedAt = -1.0

  init(_ recording: LinkRecording, stale: Duration) {
    self.recording = recording
    self.stale = stale
  }

  /// What the recording says at `instant`; it begins at the first call.
  mutating func advance(to instant: Duration, into snapshot: inout LinkSnapshot) {
    let start = begin ?? instant
    begin = start
    let time = (instant - start).seconds
    let first = recording.lines[0].time
    while next < recording.lines.count, next == 0 || recording.lines[next].time - first <= time {
      take(recording.lines[next])
      next += 1
    }
    epoch += 1
    let line = recording.lines[next - 1]
    let since = Duration.seconds(max(0, time - (line.time - first)))
    snapshot.epoch = epoch
    snapshot.remarks = next == recording.lines.count ? ["the recording is over"] : []
    snapshot.links = line.links.map { link($0, since: since, at: instant) }
  }

  private static func key(_ row: LinkRow) -> String { row.peer ?? row.peerName ?? row.interface ?? "" }

  private mutating func take(_ line: LinkRecordingLine) {
    for row in line.links {
      guard let signal = row.signal, row.isFresh else { continue }
      // A sample counts once: later lines repeat it with a greater age.
      let heard = line.time - (row.age ?? 0)
      let key = Self.key(row)
      guard series[key]?.times.last.map({ heard > $0 + 1e-6 }) ?? true else { continue }
      series[key, default: FadingHistory()].add(signal, at: heard)
    }
    guard line.time - estimatedAt >= 1 || line == recording.lines.last else { return }
    estimatedAt = line.time
    for key in series.keys { fading[key] = series[key]?.estimate() }
  }

  private mutating func link(_ row: LinkRow, since: Duration, at instant: Duration) -> PeerLink {
    var link = PeerLink(
      source: LinkSource(rawValue: row.source) ?? .transport,
      topology: row.topology.flatMap { LinkTopology(rawValue: $0) })
    link.interface = row.interface
    link.station = row.peer.flatMap { MACAddress($0) }
    link.peerName = row.peerName
    link.age = row.age.map { .seconds($0) + since }
    link.isFresh = row.isFresh && link.age.map { $0 <= stale } ?? false
    link.signal = row.signal.map { DecibelMilliwatts($0) }
    link.noise = row.noise.map { DecibelMilliwatts($0) }
    link.isNoiseAssumed = row.isNoiseAssumed
    link.snr = row.snr.map { Decibels($0) }
    link.sendRate = row.sendRate
    link.sendCoding = row.sendRate.map { BitRate(bitsPerSecond: $0) }
    link.receiveRate = row.receiveRate
    link.retryRatio = row.retryRatio
    let key = Self.key(row)
    link.fading = fading[key]
    if let fading = fading[key], let noise = link.noise {
      link.channel = ChannelEstimate(fading, noise: noise, sample: link.signal, age: link.age)
    }
    if link.isRadio {
      trackers[key, default: LevelTracker()].observe(snr: link.snr, isFresh: link.isFresh, at: instant)
      link.level = trackers[key]?.level
    }
    return link
  }
}

extension LinkRecording {
  /// What is known when the whole recording was played.
  public var end: LinkSnapshot {
    var replay = LinkReplay(self, stale: LinkConfiguration().stale)
    var snapshot = LinkSnapshot()
    replay.advance(to: .zero, into: &snapshot)
    replay.advance(to: .seconds(lines[lines.count - 1].time - lines[0].time), into: &snapshot)
    snapshot.remarks = []
    return snapshot
  }
}
