// The façade: a loop that polls the links, and a snapshot that any thread reads without waiting.

import HostIO
import SiftCore
import Synchronization

/// Watches the links to the configured peers and to every other station in reach.
public final class LinkWatcher: Sendable {
  public let configuration: LinkConfiguration
  private let sources: LinkSources
  private let timeline: Timeline
  /// Held only by `poll`, which is never run twice at once.
  private let poller: Mutex<LinkPoller>
  private let published: Mutex<(snapshot: LinkSnapshot, at: Duration)>

  /// Asks nothing yet.
  public init(
    configuration: LinkConfiguration = .init(), sources: LinkSources = .system(), clock: some Clock<Duration>
  ) {
    self.configuration = configuration
    self.sources = sources
    self.timeline = Timeline(clock)
    self.poller = Mutex(LinkPoller(configuration))
    self.published = Mutex((LinkSnapshot(), .zero))
  }

  /// Polls until the task is cancelled.
  public func run() async throws {
    var due = timeline.now
    while !Task.isCancelled {
      poll()
      repeat { due += configuration.interval } while due <= timeline.now
      try await timeline.sleep(until: due)
    }
  }

  /// One poll. Blocks for as long as the kernel takes to answer from memory.
  public func poll() {
    let snapshot = poller.withLock { $0.poll(sources, at: timeline.now) }
    let now = timeline.now
    published.withLock { $0 = (snapshot, now) }
  }

  /// The links as of the last poll, with their ages as of now. Any thread; does not wait.
  public var latest: LinkSnapshot {
    let now = timeline.now
    var (snapshot, at) = published.withLock { $0 }
    for link in snapshot.links.indices {
      guard let age = snapshot.links[link].age else { continue }
      snapshot.links[link].age = age + (now - at)
      snapshot.links[link].isFresh = age + (now - at) <= configuration.stale
    }
    return snapshot
  }
}
