// A gateway and its expert hosts as child processes on this machine.

import Foundation
import SiftCluster
import Synchronization

/// Running daemons, one a node of a layout. Made by `with`, which also stops them.
public final class LocalCluster: Sendable {
  public let layout: ClusterLayout
  /// The siftd that is run.
  public let program: String
  private let processes: Mutex<[DaemonProcess?]>

  /// Writes certificates and configurations, starts the expert hosts and then the gateway, each when the one before is
  /// ready, runs `body`, and stops them all, the gateway first.
  /// - Parameters:
  ///   - environment: added to the environment of every daemon.
  ///   - isWhole: whether the gateway must have met every expert host before `body` runs.
  /// - Throws: `ToolFailure` that names the log to read, or what `body` throws.
  public static func with<Result: Sendable>(
    _ layout: ClusterLayout, program: String, environment: [String: String] = [:], isWhole: Bool = true,
    body: (LocalCluster) async throws -> Result
  ) async throws -> Result {
    let cluster = LocalCluster(layout, program: program, environment: environment)
    do {
      try cluster.writeFiles()
      for node in layout.nodes.indices.reversed() { try await cluster.start(node) }
      if isWhole { try await cluster.untilConnected() }
      let result = try await body(cluster)
      await cluster.stop()
      return result
    } catch {
      await cluster.stop()
      throw error
    }
  }

  private let environment: [String: String]

  private init(_ layout: ClusterLayout, program: String, environment: [String: String]) {
    self.layout = layout
    self.program = program
    self.environment = environment
    processes = Mutex(Array(repeating: nil, count: layout.nodes.count))
  }

  /// The gateway's address.
  public var address: DaemonAddress { .socket(layout.socket) }

  /// The process of a node; nil while it has none.
  public func process(_ node: Int) -> DaemonProcess? { processes.withLock { $0[node] } }

  /// Starts a node that is not running and waits until it is ready.
  public func start(_ node: Int) async throws {
    var launch = DaemonProcess.Launch(
      program: program, arguments: ["--config", layout.configurationFile(of: node)], name: layout.nodes[node].name,
      log: layout.log(of: node), notifySocket: "\(layout.sockets)/\(layout.nodes[node].name).notify")
    launch.environment = environment
    let process = try await DaemonProcess.start(launch)
    processes.withLock { $0[node] = process }
  }

  /// Kills a node without warning and waits until it is gone.
  public func kill(_ node: Int) async {
    let process = processes.withLock { processes in
      defer { processes[node] = nil }
      return processes[node]
    }
    await process?.kill()
  }

  /// Stops a node in order and says how it ended; nil when it was not running.
  @discardableResult
  public func stop(_ node: Int) async -> ProcessEnd? {
    let process = processes.withLock { processes in
      defer { processes[node] = nil }
      return processes[node]
    }
    return await process?.stop()
  }

  /// Stops what runs, the gateway first, so that it loses no peer in the middle of a request.
  public func stop() async {
    for node in layout.nodes.indices { await stop(node) }
  }

  /// Waits until the gateway says of every expert host that it is connected.
  /// - Throws: `ToolFailure` when it says otherwise, or nothing within `patience`.
  public func untilConnected(within patience: Duration = .seconds(30)) async throws {
    guard let gateway = process(0) else { throw ToolFailure(.failure, "the gateway is not running") }
    for host in layout.nodes.dropFirst() {
      let said = await Self.answer(within: patience) {
        await gateway.log.line(containing: "peer \(host.name) is ")
      }
      guard let said, said.contains("is connected") || said.contains("is back") else {
        throw ToolFailure(.failure, said ?? "\(host.name) was not connected within \(patience): \(gateway.lastWords)")
      }
    }
  }

  /// What `body` returns; nil when it takes longer than `patience`, in which case it is cancelled.
  public static func answer<Answer: Sendable>(
    within patience: Duration, _ body: @escaping @Sendable () async -> Answer?
  ) async -> Answer? {
    await withTaskGroup(of: Answer?.self) { group in
      group.addTask { await body() }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
  }

  /// Waits until a node ends by itself, or the task is cancelled.
  /// - Throws: `ToolFailure` that says which and how; `CancellationError`.
  public func untilOneEnds() async throws {
    let (ends, ended) = AsyncStream.makeStream(of: String.self)
    for process in processes.withLock({ $0 }) {
      guard let process else { continue }
      Task { ended.yield("\(process.name) ended (\(await process.end)): \(process.lastWords)") }
    }
    for await end in ends { throw ToolFailure(.failure, end) }
    throw CancellationError()
  }

  private func writeFiles() throws {
    let manager = FileManager.default
    do {
      try manager.createDirectory(atPath: layout.folder, withIntermediateDirectories: true)
      try manager.createDirectory(atPath: layout.sockets, withIntermediateDirectories: true)
      for node in layout.nodes.indices {
        try layout.configuration(of: node).write(
          toFile: layout.configurationFile(of: node), atomically: true, encoding: .utf8)
        try? manager.removeItem(atPath: layout.log(of: node))
      }
    } catch {
      throw ToolFailure(.cannotWrite, "\(layout.folder): \(error.localizedDescription)")
    }
    // Throw-away: made anew each time, valid for a week.
    try? manager.removeItem(atPath: layout.certificates)
    let nodes = layout.nodes.map { (name: $0.name, addresses: ["127.0.0.1"]) }
    _ = try CertificateFolder(path: layout.certificates, force: true).fill(nodes: nodes, now: Date(), days: 7)
  }
}
