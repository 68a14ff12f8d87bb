// The published figures of one peer: written by whoever has news, read by anyone at any time.

import SiftCore
import Synchronization

final class PeerLedger: Sendable {
  private let figures: Mutex<PeerStatistics>
  /// The socket that the kernel can be asked about.
  private let socket = Mutex<SocketHandle?>(nil)
  /// The kernel's figures are asked for again when they are older.
  private static let freshness: Duration = .milliseconds(50)

  init(node: NodeIndex, name: String) {
    figures = Mutex(PeerStatistics(node: node, name: name))
  }

  func count(_ change: (inout PeerStatistics) -> Void) { figures.withLock { change(&$0) } }

  func follow(_ socket: SocketHandle?) { self.socket.withLock { $0 = socket } }

  /// The peer became usable, or ceased to be.
  func turned(_ up: Bool, problem: String?) {
    figures.withLock {
      if $0.isConnected != up { $0.changed = .now }
      $0.isConnected = up
      if let problem { $0.lastProblem = problem }
    }
  }

  /// Something that went wrong before there was a link.
  func note(problem: String) { figures.withLock { $0.lastProblem = problem } }

  /// - Parameters:
  ///   - down: bytes that came.
  ///   - done: visits that ended well with it.
  func measured(_ estimator: ExchangeEstimator, down: Int, done: Int) {
    figures.withLock {
      $0.done += done
      $0.bytesDown += UInt64(down)
      $0.roundTrip = estimator.smoothed.map { .seconds($0) }
      $0.roundTripMin = estimator.least.map { .seconds($0) }
      $0.roundTripAt = estimator.at
      $0.exchangeOverhead = estimator.overhead.map { .seconds($0) }
      $0.goodput = estimator.secondsPerByte.map { 1 / $0 }
    }
  }

  /// The figures now, with the kernel's.
  var now: PeerStatistics {
    let socket = socket.withLock { $0 }
    return figures.withLock { figures in
      let now = ContinuousClock.now
      if let socket, figures.tcp.map({ now - $0.at > Self.freshness }) ?? true {
        figures.tcp = socket.figures(at: now) ?? figures.tcp
      }
      return figures
    }
  }
}
