// Executes visits, one after another, on the server's event loop. Belongs to that loop: no locks.
//
// Why inline: an execution takes all cores anyway, a second thread would only add two hand-overs to every exchange.
// What waits meanwhile is what could not run anyway: other visits, pings, new connections. Between two visits the loop
// goes round once, so that every socket is read and the age of every visit is known to within one execution. Only where
// there is no other socket is a visit executed as soon as it was read.

import ExpertExec
import NIOCore
import SiftCore
import Synchronization

/// A visit that has come but not had its turn.
struct WaitingVisit {
  let body: ByteBuffer
  let arrival: ContinuousClock.Instant
}

final class VisitWorker {
  let host: any ExpertHosting
  let greeting: Greeting
  let limits: ServerLimits
  private let meter: VisitMeter?
  private let scratch = VisitScratch()
  private let statistics: SharedStatistics
  /// Connections with a visit and room for its reply, each once.
  private var ready = CircularBuffer<ServerConnection>()
  private var isDraining = false

  init(
    host: any ExpertHosting, greeting: Greeting, limits: ServerLimits, meter: VisitMeter?, statistics: SharedStatistics
  ) {
    self.host = host
    self.greeting = greeting
    self.limits = limits
    self.meter = meter
    self.statistics = statistics
  }

  /// `connection` has a visit that could be executed. - Parameter alone: there is no other connection.
  func schedule(_ connection: ServerConnection, alone: Bool, on loop: any EventLoop) {
    if alone, !isDraining { return connection.executeOne(self) }
    ready.append(connection)
    guard !isDraining else { return }
    isDraining = true
    turn(loop)
  }

  private func turn(_ loop: any EventLoop) {
    loop.assumeIsolated().execute {
      if let connection = self.ready.popFirst() { connection.executeOne(self) }
      if self.ready.isEmpty { self.isDraining = false } else { self.turn(loop) }
    }
  }

  /// Executes one visit and writes its reply frame into `out`.
  /// - Throws: `WireError` when the visit is not what a visit can be: the connection is to be closed.
  func execute(_ waiting: WaitingVisit, peerFrameBytes: Int, into out: inout ByteBuffer) throws(WireError) {
    let parsed: Result<VisitHeader, WireError> = waiting.body.withUnsafeReadableBytes { bytes in
      do throws(WireError) {
        return .success(
          try VisitCodec.read(
            bytes, layers: greeting.layers, width: greeting.width, experts: FrameLimits.maximumExperts,
            limits: FrameLimits(frameBytes: limits.frameBytes, rows: limits.rows), into: scratch))
      } catch {
        return .failure(error)
      }
    }
    let visit = try parsed.get()
    let bodyBytes = ReplyCodec.frameBytes(rows: Int(visit.rows), width: greeting.width, encoding: visit.encoding)
    guard bodyBytes <= min(peerFrameBytes, limits.frameBytes) else {
      throw WireError("visit.rows", "\(visit.rows) rows make a reply of \(bodyBytes) bytes, more than was agreed")
    }
    answer(visit, arrival: waiting.arrival, into: &out)
  }

  private func answer(_ visit: VisitHeader, arrival: ContinuousClock.Instant, into out: inout ByteBuffer) {
    var reply = ReplyHeader(
      number: visit.number, execution: 0, energy: nil, standing: nil, rows: visit.rows, status: .done,
      encoding: visit.encoding)
    let sums = UnsafeMutableBufferPointer(start: scratch.sums, count: Int(visit.rows) * greeting.width)
    let start = ContinuousClock.now
    guard start - arrival <= .microseconds(Int64(visit.patience)) else {
      reply.status = .late
      statistics.update { $0.late += 1 }
      return ReplyCodec.write(reply, sums: UnsafeBufferPointer(start: nil, count: 0), into: &out)
    }
    do throws(ExpertHostingError) {
      try host.execute(scratch.visit(visit, width: greeting.width), sums: sums)
    } catch {
      reply.status = .failed
      statistics.update { $0.failed += 1 }
      return ReplyCodec.write(
        reply, sums: UnsafeBufferPointer(start: nil, count: 0), message: error.description, into: &out)
    }
    let execution = ContinuousClock.now - start
    reply.execution = UInt64(clamping: execution.nanoseconds)
    if let cost = meter?(execution) {
      reply.energy = cost.energy
      reply.standing = cost.standing
    }
    count(reply, execution)
    ReplyCodec.write(reply, sums: UnsafeBufferPointer(sums), into: &out)
  }

  private func count(_ reply: ReplyHeader, _ execution: Duration) {
    statistics.update {
      $0.visits += 1
      $0.rows += Int(reply.rows)
      $0.busy += execution
      guard let energy = reply.energy, let standing = reply.standing else { return }
      $0.energy += energy
      $0.standing = max($0.standing ?? standing, standing)
    }
  }
}

/// The counts, readable from any thread.
final class SharedStatistics: Sendable {
  private let value = Mutex(ServerStatistics())
  func update(_ change: (inout ServerStatistics) -> Void) { value.withLock { change(&$0) } }
  var now: ServerStatistics { value.withLock { $0 } }
}

extension Duration {
  /// Whole nanoseconds, as many as fit.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : whole &+ attoseconds / 1_000_000_000
  }

  /// The same for NIO's timers.
  var timeAmount: TimeAmount { .nanoseconds(nanoseconds) }
}
