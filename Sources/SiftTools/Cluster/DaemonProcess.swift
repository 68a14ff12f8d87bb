// One siftd as a child process: started, awaited until it is ready, stopped or killed, its log kept.

import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// A running siftd. Whoever started it calls `stop` or `kill`; both wait until the process is gone.
public final class DaemonProcess: Sendable {
  /// The node's name, for messages.
  public let name: String
  /// Its standard output and error.
  public let log: LogBook
  /// Its process id.
  public let identifier: Int32
  private let task: Task<TerminationStatus, any Error>
  private let send: @Sendable (Signal) throws -> Void

  private init(
    name: String, log: LogBook, identifier: Int32, task: Task<TerminationStatus, any Error>,
    send: @escaping @Sendable (Signal) throws -> Void
  ) {
    self.name = name
    self.log = log
    self.identifier = identifier
    self.task = task
    self.send = send
  }

  /// What a process is started with.
  public struct Launch: Sendable {
    /// The siftd to run.
    public var program: String
    public var arguments: [String]
    /// The node's name, for messages and the names of files.
    public var name: String
    /// Where its log goes.
    public var log: String
    /// Where its notify socket is made for as long as it starts.
    public var notifySocket: String
    /// Added to this process's environment.
    public var environment: [String: String] = [:]
    /// Whether it says READY; if not, it counts as started as soon as it runs.
    public var saysReady = true
    /// How long it may take to be ready.
    public var patience: Duration = .seconds(60)

    public init(program: String, arguments: [String], name: String, log: String, notifySocket: String) {
      self.program = program
      self.arguments = arguments
      self.name = name
      self.log = log
      self.notifySocket = notifySocket
    }
  }

  /// Starts a daemon and waits until it says READY.
  /// - Throws: `ToolFailure` that names the log, when the process ends or stays silent instead. It is gone then.
  public static func start(_ launch: Launch) async throws -> DaemonProcess {
    let notify = try NotifySocket(path: launch.notifySocket)
    defer { notify.close() }
    let process = try await spawn(launch, notifyPath: notify.path)
    guard launch.saysReady else { return process }
    switch await process.firstOf(ready: notify, within: launch.patience) {
    case .ready: return process
    case .ended(let status):
      throw ToolFailure(.failure, "\(launch.name) ended (\(status)) before it was ready: \(process.lastWords)")
    case .silent:
      await process.kill()
      throw ToolFailure(
        .failure, "\(launch.name) was not ready within \(launch.patience): \(process.lastWords)")
    }
  }

  /// Asks the process to end (SIGTERM), and kills it if it has not within `patience`.
  /// - Returns: how it ended.
  @discardableResult
  public func stop(within patience: Duration = .seconds(30)) async -> ProcessEnd {
    try? send(.terminate)
    let killer = Task {
      try await Task.sleep(for: patience)
      try? self.send(.kill)
    }
    defer { killer.cancel() }
    return await end
  }

  /// Ends the process at once (SIGKILL).
  public func kill() async {
    try? send(.kill)
    _ = await end
  }

  /// Sends a signal without waiting.
  public func signal(_ number: Int32) { try? send(Signal(rawValue: number)) }

  /// How the process ended, once it has.
  public var end: ProcessEnd {
    get async {
      switch await task.result {
      case .success(.exited(let code)): .exited(code)
      case .success(.signaled(let signal)): .signalled(signal)
      case .failure(let error): .lost("\(error)")
      }
    }
  }

  /// The last line of the log and where the rest is.
  public var lastWords: String {
    let line = log.lines.last { !$0.isEmpty }.map { "“\($0)”; " } ?? ""
    return line + "its log is \(log.path)"
  }
}

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)
  /// It could not be started or watched.
  case lost(String)

  public var description: String {
    switch self {
    case .exited(let code): "exit status \(code)"
    case .signalled(let signal): "signal \(signal)"
    case .lost(let reason): reason
    }
  }
}

extension DaemonProcess {
  private enum Outcome { case ready, ended(ProcessEnd), silent }

  private func firstOf(ready notify: NotifySocket, within patience: Duration) async -> Outcome {
    // Waiting for another task's result cannot be cancelled; waiting for a stream's next element can.
    let (ends, ended) = AsyncStream.makeStream(of: ProcessEnd.self)
    Task { ended.yield(await self.end) }
    return await withTaskGroup(of: Outcome?.self) { group in
      group.addTask {
        for await datagram in notify.datagrams where datagram.split(separator: "\n").contains("READY=1") {
          return .ready
        }
        return nil
      }
      group.addTask {
        for await end in ends { return .ended(end) }
        return nil
      }
      group.addTask { (try? await Task.sleep(for: patience)) == nil ? nil : .silent }
      var outcome: Outcome?
      while outcome == nil, let next = await group.next() { outcome = next }
      group.cancelAll()
      return outcome ?? .silent
    }
  }

  private static func spawn(_ launch: Launch, notifyPath: String) async throws -> DaemonProcess {
    let log = try LogBook(path: launch.log)
    let (handles, handed) = AsyncThrowingStream.makeStream(of: Handle.self)
    let task = Task {
      defer { log.close() }
      do {
        return try await run(
          configuration(launch, notifyPath), input: .none, output: .sequence, error: .combinedWithOutput
        ) { execution in
          // The process's descriptor is good in here only: afterwards its number may belong to another process.
          let gate = Gate { try execution.send(signal: $0) }
          defer { gate.close() }
          handed.yield(Handle(identifier: execution.processIdentifier.value) { try gate.send($0) })
          handed.finish()
          for try await line in execution.standardOutput.strings() { log.append(line) }
        }.terminationStatus
      } catch {
        handed.finish(throwing: error)
        throw error
      }
    }
    var found: Handle?
    do {
      for try await handle in handles { found = handle }
    } catch {
      throw ToolFailure(.failure, "\(launch.program) cannot be started: \(error)")
    }
    guard let found else { throw ToolFailure(.failure, "\(launch.program) cannot be started") }
    return DaemonProcess(name: launch.name, log: log, identifier: found.identifier, task: task, send: found.send)
  }

  private static func configuration(_ launch: Launch, _ notifyPath: String) -> Configuration {
    var options = PlatformOptions()
    // A group of its own: Ctrl-C in a terminal is for the program that started it, which stops its daemons in order.
    options.processGroupID = 0
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(10))]
    var additions: [Environment.Key: String?] = ["NOTIFY_SOCKET": notifyPath]
    for (key, value) in launch.environment { additions[Environment.Key(stringLiteral: key)] = value }
    return Configuration(
      executable: .path(FilePath(launch.program)), arguments: Arguments(launch.arguments),
      environment: .inherit.updating(additions), platformOptions: options)
  }

  private struct Handle: Sendable {
    let identifier: Int32
    let send: @Sendable (Signal) throws -> Void
  }
}

/// Lets signals through to a process while it is there, and drops them afterwards.
private final class Gate: Sendable {
  private let target: Mutex<(@Sendable (Signal) throws -> Void)?>

  init(_ target: @escaping @Sendable (Signal) throws -> Void) { self.target = Mutex(target) }

  func send(_ signal: Signal) throws { try target.withLock { try $0?(signal) } }
  func close() { target.withLock { $0 = nil } }
}
