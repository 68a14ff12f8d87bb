// The façade: a loop that polls the links, and a snapshot that any thread reads without waiting.

import HostIO
import SiftCore
import Synchronization

/// Watches the links to the configured peers and to every other station in reach.
public final class LinkWatcher: Sendable {
  public let configuration: LinkConfiguration
  private let feed: LinkFeed
  private let timeline: Timeline
  private let onChange: @Sendable (LinkChange) -> Void
  private let onSample: @Sendable () -> Void
  /// Held only by `poll`, which is never run twice at once.
  private let poller: Mutex<(poller: LinkPoller, replay: LinkReplay?, scratch: LinkSnapshot)>
  private let published: Mutex<(snapshot: LinkSnapshot, at: Duration)>
  private let exchanges = Mutex<[String: ExchangeForecast]>([:])
  /// How many exchanges were noted with each peer, and until when they are held to go on.
  private let traffic = Mutex<(counts: [String: Int], until: Duration)>(([:], .zero))
  /// Exchanges that were not noted again for so long are over.
  private static let lull = Duration.milliseconds(300)

  /// Asks nothing yet.
  /// - Parameters:
  ///   - onChange: told of every change of a radio interface or an association, once, from `poll`.
  ///   - onSample: called after every poll of `run` while exchanges go on.
  public init(
    configuration: LinkConfiguration = .init(), feed: LinkFeed, clock: some Clock<Duration>,
    onChange: @escaping @Sendable (LinkChange) -> Void = { _ in }, onSample: @escaping @Sendable () -> Void = {}
  ) {
    self.configuration = configuration
    self.feed = feed
    self.timeline = Timeline(clock)
    self.onChange = onChange
    self.onSample = onSample
    var replay: LinkReplay?
    if case .recording(let recording) = feed { replay = LinkReplay(recording, stale: configuration.stale) }
    self.poller = Mutex((LinkPoller(configuration), replay, LinkSnapshot()))
    self.published = Mutex((LinkSnapshot(), .zero))
  }

  /// The links of this machine, or of a test's.
  public convenience init(
    configuration: LinkConfiguration = .init(), sources: LinkSources = .system(), clock: some Clock<Duration>,
    onChange: @escaping @Sendable (LinkChange) -> Void = { _ in }
  ) {
    self.init(configuration: configuration, feed: .live(sources), clock: clock, onChange: onChange)
  }

  /// Polls until the task is cancelled.
  public func run() async throws {
    var due = timeline.now
    while !Task.isCancelled {
      poll()
      let pause = pause
      if pause < configuration.interval { onSample() }
      repeat { due += pause } while due <= timeline.now
      try await timeline.sleep(until: due)
    }
  }

  /// From this poll to the next: shorter while exchanges go on.
  package var pause: Duration {
    timeline.now < traffic.withLock { $0.until } ? configuration.busyInterval : configuration.interval
  }

  /// One poll. Blocks for as long as the kernel takes to answer from memory.
  public func poll() {
    let changes = poller.withLock { state -> [LinkChange] in
      let instant = timeline.now
      switch feed {
      case .live(let sources): state.poller.poll(sources, at: instant, into: &state.scratch)
      case .recording: state.replay?.advance(to: instant, into: &state.scratch)
      }
      let now = timeline.now
      // The snapshot that nobody reads any more is filled next time: its room is used again.
      published.withLock { published in
        swap(&published.snapshot, &state.scratch)
        published.at = now
      }
      return state.poller.takeChanges()
    }
    for change in changes { onChange(change) }
  }

  /// The links as of the last poll, with their ages as of now. Any thread; does not wait.
  public var latest: LinkSnapshot {
    let now = timeline.now
    var (snapshot, at) = published.withLock { $0 }
    for link in snapshot.links.indices {
      if let age = snapshot.links[link].channel?.gainAge { snapshot.links[link].channel?.gainAge = age + (now - at) }
      guard let age = snapshot.links[link].age else { continue }
      snapshot.links[link].age = age + (now - at)
      snapshot.links[link].isFresh = age + (now - at) <= configuration.stale
    }
    return snapshot
  }

  // MARK: Exchanges

  /// Learns what the exchanges with a peer showed. May be called as often as is convenient: a second is one sample.
  public func note(_ figures: TransportFigures, with peer: String) {
    let link = published.withLock { $0.snapshot.link(to: peer) }
    let now = timeline.now
    let count = figures.done + figures.missed
    traffic.withLock { traffic in
      if let before = traffic.counts.updateValue(count, forKey: peer), before != count {
        traffic.until = now + Self.lull
      }
    }
    exchanges.withLock { $0[peer, default: ExchangeForecast()].note(figures, link: link, at: now) }
  }

  /// The forecast of goodput to a peer; nil before anything was noted.
  public func forecast(to peer: String) -> GoodputForecaster? { exchanges.withLock { $0[peer]?.forecaster } }
}

/// Where links are read from.
public enum LinkFeed: Sendable {
  case live(LinkSources)
  case recording(LinkRecording)
}

/// From running totals of exchanges to seconds for the forecaster.
struct ExchangeForecast: Sendable {
  private(set) var forecaster = GoodputForecaster()
  private var last: (done: Int, missed: Int, at: Duration)?

  mutating func note(_ figures: TransportFigures, link: PeerLink?, at instant: Duration) {
    guard let before = last else {
      last = (figures.done, figures.missed, instant)
      return
    }
    guard instant - before.at >= .seconds(1) else { return }
    last = (figures.done, figures.missed, instant)
    if figures.done > before.done, let goodput = figures.goodput {
      forecaster.observe(GoodputSample(goodput: goodput * 8, rate: link?.sendRate, signal: link?.signal))
    } else if figures.missed > before.missed, figures.done == before.done {
      forecaster.observe(GoodputSample(goodput: 0))
    } else {
      forecaster.pause()
    }
  }
}
