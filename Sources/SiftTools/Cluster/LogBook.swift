// The lines that a child process wrote, kept in a file and in memory, so that one can wait for what it says.

import Foundation
import SystemPackage
import Synchronization

/// A log as it grows. Any thread or task may wait for a line.
public final class LogBook: Sendable {
  private struct State {
    var lines: [String] = []
    var isClosed = false
    var waiters: [Int: (text: String, continuation: CheckedContinuation<String?, Never>)] = [:]
    var nextWaiter = 0
  }
  /// Where the lines are kept, too.
  public let path: String
  private let file: FileDescriptor
  private let state = Mutex(State())

  /// Opens the file for appending: a node that comes back goes on in the same one.
  public init(path: String) throws(ToolFailure) {
    self.path = path
    do {
      file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw ToolFailure(.cannotWrite, "\(path): \(error)")
    }
  }

  /// The lines so far.
  public var lines: [String] { state.withLock { $0.lines } }

  /// Waits for a line that contains `text`, among those already there or to come.
  /// - Parameter start: lines before this index do not count.
  /// - Returns: the line; nil when the process ended without it, or the task was cancelled.
  public func line(containing text: String, from start: Int = 0) async -> String? {
    let key = state.withLock { state in
      defer { state.nextWaiter += 1 }
      return state.nextWaiter
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: String?? = state.withLock { state in
          if let line = state.lines.dropFirst(start).first(where: { $0.contains(text) }) { return .some(line) }
          if state.isClosed || Task.isCancelled { return .some(nil) }
          state.waiters[key] = (text, continuation)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: key) }?.continuation.resume(returning: nil)
    }
  }

  func append(_ line: String) {
    _ = try? file.writeAll(Array((line + "\n").utf8))
    let met = state.withLock { state in
      state.lines.append(line)
      let met = state.waiters.filter { line.contains($0.value.text) }
      for key in met.keys { state.waiters[key] = nil }
      return met.values.map(\.continuation)
    }
    met.forEach { $0.resume(returning: line) }
  }

  func close() {
    let waiting = state.withLock { state in
      defer { state.waiters = [:] }
      guard !state.isClosed else { return [CheckedContinuation<String?, Never>]() }
      state.isClosed = true
      try? file.close()
      return state.waiters.values.map(\.continuation)
    }
    waiting.forEach { $0.resume(returning: nil) }
  }
}
