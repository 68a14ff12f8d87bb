// Where siftctl's links come from: a running daemon, this machine, or a recording.

import LinkMonitor
import SiftCore
import SiftDaemon

/// One way to read links, again and again.
public struct LinksSource: Sendable {
  public enum Place: Sendable {
    /// Asks a daemon; `fallback` reads the machine where none answers.
    case daemon(DaemonAddress, fallback: Bool)
    case machine
    case recording(LinkRecording)
  }
  public let place: Place
  public let model: RadioPowerModel
  public let demand: VisitDemand
  private let watcher: LinkWatcher

  /// - Parameters:
  ///   - wext: asks the wireless extensions alone.
  ///   - demand: the visit that is priced and whose outage is forecast; a daemon has its own.
  public init(
    _ place: Place, peers: [MonitoredPeer], wext: Bool, model: RadioPowerModel, demand: VisitDemand = .standard
  ) {
    self.place = place
    self.model = model
    self.demand = demand
    let feed: LinkFeed
    if case .recording(let recording) = place {
      feed = .recording(recording)
    } else {
      feed = .live(.system(nl80211: !wext))
    }
    watcher = LinkWatcher(configuration: LinkConfiguration(peers: peers), feed: feed, clock: ContinuousClock())
  }

  /// The state of the links after watching for a while; a recording is played to its end at once.
  public func once(watching time: Duration) async throws -> (report: LinksReport, remarks: [String]) {
    switch place {
    case .daemon(let address, let fallback):
      do {
        return (try await Self.ask(address), [])
      } catch let failure as ToolFailure {
        guard fallback, failure.status == .unavailable else { throw failure }
      }
      return try await watchMachine(time)
    case .machine: return try await watchMachine(time)
    case .recording(let recording):
      let snapshot = recording.end
      return (LinksReport(snapshot, model: model, demand: demand), snapshot.remarks)
    }
  }

  /// At least two polls: only the second can tell a new sample from a repeated one.
  private func watchMachine(_ time: Duration) async throws -> (report: LinksReport, remarks: [String]) {
    let clock = ContinuousClock()
    let end = clock.now + time
    repeat {
      watcher.poll()
      try await clock.sleep(for: watcher.configuration.interval)
    } while clock.now < end
    watcher.poll()
    return now()
  }

  private func now() -> (report: LinksReport, remarks: [String]) {
    let snapshot = watcher.latest
    return (LinksReport(snapshot, model: model, demand: demand), snapshot.remarks)
  }

  private static func ask(_ address: DaemonAddress) async throws -> LinksReport {
    try await ControlClient.with(address, patience: .seconds(10)) { try await $0.links() }
  }

  /// Calls `body` with the links every `interval`, until it returns false, the task is cancelled, or a recording is over.
  /// Between two calls the machine is polled as often as the monitor's configuration says.
  public func follow(
    every interval: Duration, _ body: (_ seconds: Double, LinksReport, [String]) throws -> Bool
  ) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    var due = start
    while !Task.isCancelled {
      let (report, remarks) = try await next()
      guard try body((clock.now - start).seconds, report, remarks), !isOver(clock.now - start) else { return }
      due += interval
      try await pollUntil(due, clock)
    }
  }

  private func next() async throws -> (report: LinksReport, remarks: [String]) {
    if case .daemon(let address, let fallback) = place {
      do {
        return (try await Self.ask(address), [])
      } catch let failure as ToolFailure {
        guard fallback, failure.status == .unavailable else { throw failure }
      }
    }
    watcher.poll()
    return now()
  }

  private func pollUntil(_ due: ContinuousClock.Instant, _ clock: ContinuousClock) async throws {
    while clock.now + watcher.configuration.interval < due {
      try await clock.sleep(for: watcher.configuration.interval)
      if case .daemon(_, fallback: false) = place { continue }
      watcher.poll()
    }
    try await clock.sleep(until: due)
  }

  private func isOver(_ elapsed: Duration) -> Bool {
    if case .recording(let recording) = place { return elapsed > recording.length + .seconds(1) }
    return false
  }
}

extension ControlClient {
  /// The links of the daemon, priced with its radio model.
  public func links() async throws(ToolFailure) -> LinksReport { try await get("/sift/links", as: LinksReport.self) }
}
