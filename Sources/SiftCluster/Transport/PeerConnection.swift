// One peer as the engine's thread uses it: visits out, replies in, on whatever link stands at the moment.
//
// Who touches the socket: `send` writes on the caller's thread. Replies are read by the one thread that has the reader's
// role; others that wait sleep until it has read something or leaves. The keeper (PeerKeeper) makes the link, waits for
// its end, pings when it is quiet and sends what the kernel did not take at once.

import ExpertExec
import NIOCore
import SiftCore
import Synchronization

/// `@unchecked Sendable`: everything mutable but the ledger and `isUp` is touched with `lock` held, by way
/// of `locked`, which also makes the caller the thread of NIO's loop.
final class PeerConnection: @unchecked Sendable {
  let node: NodeIndex
  let address: PeerAddress
  let own: Greeting
  let encoding: PayloadEncoding
  let settings: PeerSettings
  let alarm = Alarm()

  private let lock = WaitLock()
  let loop = CallerLoop()
  private var waiters = 0
  private var slots = ReplySlots()
  private var estimator = ExchangeEstimator()
  private var vigil = Vigil()
  private var probing = Probing()
  /// Visits in a row that ended without a sign of life, and when the first of them was sent.
  private var silent = (visits: 0, since: ContinuousClock.now)

  // State that the keeper shares.
  private(set) var link: PeerLink?
  private(set) var peer: Greeting?
  /// Why the last link ended.
  private(set) var downReason: String?
  /// The reader's role is taken.
  private(set) var isRead = false
  private(set) var isSuspended = false
  private(set) var lastReceived = ContinuousClock.now
  /// A visit was given up and nothing has come since it was sent.
  private(set) var isOverdue = false
  /// The oldest that no pong has come for.
  private(set) var ping: (number: UInt64, sent: ContinuousClock.Instant, isProbe: Bool)?
  /// Sent and answered; answers come in order.
  private var (pings, pongs): (UInt64, UInt64) = (0, 0)
  private var pinged = ContinuousClock.now
  /// Pings that followed an unanswered one while the peer is overdue.
  private var repeated = 0

  /// Visits can be sent: looked at before the lock is taken.
  private let isUp = Atomic<Bool>(false)
  let ledger: PeerLedger

  init(node: NodeIndex, address: PeerAddress, own: Greeting, encoding: PayloadEncoding, settings: PeerSettings) {
    self.node = node
    self.address = address
    self.own = own
    self.encoding = encoding
    self.settings = settings
    ledger = PeerLedger(node: node, name: address.name)
  }

  /// Runs `body` with the lock held, as the thread of the loop.
  func locked<Value>(_ body: () -> Value) -> Value {
    lock.lock()
    loop.enter()
    defer {
      loop.leave()
      lock.unlock()
    }
    return body()
  }

  // MARK: the engine's side

  /// Sends a visit. Never waits for the network.
  /// - Returns: its number; nil when it cannot be sent now.
  func send(_ visit: ExpertVisit) -> UInt64? {
    guard isUp.load(ordering: .relaxed), visit.width == own.width, visit.rows > 0 else { return nil }
    return locked {
      guard let link, let peer, !isSuspended else { return nil }
      let up = VisitCodec.frameBytes(
        rows: visit.rows, pairs: visit.experts.count, width: visit.width, encoding: encoding)
      let down = ReplyCodec.frameBytes(rows: visit.rows, width: visit.width, encoding: encoding)
      guard up <= min(peer.frameBytes, settings.frameBytes), down <= min(peer.frameBytes, settings.frameBytes),
        let slot = slots.take(now: .now)
      else { return nil }
      slot.prepare(elements: visit.rows * visit.width)
      slot.rows = visit.rows
      slot.encoding = encoding
      slot.bytesUp = up
      slot.patience = visit.patience
      slot.sent = .now
      link.send { VisitCodec.write(visit, number: slot.number, encoding: encoding, into: &$0) }
      if let failure = link.failure {
        slot.state = .free
        end(failure.reason)
        return nil
      }
      if link.hasUnsent { alarm.ring() }
      ledger.count {
        $0.visits += 1
        $0.bytesUp += UInt64(up)
      }
      return slot.number
    }
  }

  /// Waits for the reply of visit `number` until `deadline` and writes its sums.
  func receive(_ number: UInt64, until deadline: ContinuousClock.Instant, sums: UnsafeMutableBufferPointer<Double>)
    -> VisitOutcome
  {
    locked {
      guard let slot = slots.find(number) else { return .lost(reason: "visit \(number) is not under way") }
      let began = ContinuousClock.now
      var pause = probing.pause
      var probed = max(began, slot.sent)
      while true {
        if case .waiting = slot.state, !isRead { read() }
        let now = ContinuousClock.now
        guard case .waiting = slot.state else {
          vigil.waited(now - began)
          return redeem(slot, sums)
        }
        let left = (deadline - now).nanoseconds
        guard left > 0 else {
          vigil.waited(now - began)
          return giveUp(slot)
        }
        slot.wasAwaited = true
        if let wait = pause, now - probed >= wait {
          probe()
          probed = now
          pause = wait * 2
        }
        let doze = pause.map { min(left, max(1, (probed + $0 - now).nanoseconds)) } ?? left
        if isRead { sleep(doze) } else if vigil.watches(after: now - began) { yield() } else { awaitBytes(doze) }
      }
    }
  }

  private func redeem(_ slot: ReplySlot, _ sums: UnsafeMutableBufferPointer<Double>) -> VisitOutcome {
    defer { slot.state = .free }
    switch slot.state {
    case .done(let reply):
      guard sums.count == slot.rows * own.width, let out = sums.baseAddress else {
        return .lost(reason: "room for \(sums.count) sums, \(slot.rows * own.width) came")
      }
      guard reply.status == .done else { return .late }
      out.update(from: slot.sums, count: sums.count)
      return .done(
        execution: .nanoseconds(Int64(clamping: reply.execution)), energy: reply.energy, standing: reply.standing)
    case .failed(let reason): return .lost(reason: reason)
    case .free, .waiting: return .late
    }
  }

  private func giveUp(_ slot: ReplySlot) -> VisitOutcome {
    slot.state = .free
    if silent.visits == 0 { silent.since = slot.sent }
    silent.visits += 1
    if silent.visits >= settings.silentVisits, lastReceived < silent.since, !isSuspended {
      isSuspended = true
      setUp(false, problem: "no answer to \(silent.visits) visits in a row")
      alarm.ring()
    }
    ledger.count { $0.late += 1 }
    if !isOverdue, lastReceived < silent.since {
      setOverdue(true)
      // The keeper asks when the peer can be heard again.
      alarm.ring()
    }
    return .late
  }

  /// Asks for a sign of life behind a visit whose answer takes long. What was lost last on a way is missed by nobody before
  /// the kernel's timer ends, 200 ms or more; what comes behind it shows both kernels the hole at once.
  private func probe() {
    guard let link else { return }
    writePing(to: link, asProbe: true)
    ledger.count { $0.probes += 1 }
    if link.hasUnsent { alarm.ring() }
  }

  private func setOverdue(_ overdue: Bool) {
    isOverdue = overdue
    ledger.count { $0.isOverdue = overdue }
  }

  /// Lets others have the lock for a moment.
  private func yield() {
    loop.leave()
    lock.unlock()
    lock.lock()
    loop.enter()
  }

  /// Sleeps until the reader has read something or has left.
  private func sleep(_ nanoseconds: Int64) {
    waiters += 1
    loop.leave()
    lock.wait(nanoseconds: nanoseconds)
    loop.enter()
    waiters -= 1
  }

  /// Takes the reader's role and waits for bytes, without the lock.
  private func awaitBytes(_ nanoseconds: Int64) {
    guard let link else { return }
    let socket = link.socket
    let wanted: Readiness = link.hasUnsent ? [.readable, .writable] : .readable
    isRead = true
    loop.leave()
    lock.unlock()
    let ready = socket.await(wanted, alarm: nil, nanoseconds: nanoseconds)
    lock.lock()
    loop.enter()
    isRead = false
    if ready.contains(.writable) { self.link?.flush() }
    read()
    if waiters > 0 { lock.wakeAll() }
  }

  // MARK: reading, for the reader of the moment

  /// Reads what is there and does what it says. The lock is held and nobody else reads.
  func read() {
    guard let link else { return }
    let stands = link.pump()
    do throws(WireError) {
      while let (header, body) = try link.nextFrame() {
        lastReceived = .now
        if let farewell = try handle(header.kind, body) { return end(farewell) }
      }
    } catch {
      return end("nonsense: \(error)")
    }
    if !stands, let failure = link.failure { end(failure.reason) }
  }

  /// - Returns: why the link ends, when the peer says so.
  private func handle(_ kind: FrameKind, _ body: ByteBuffer) throws(WireError) -> String? {
    switch kind {
    case .reply: try body.unsafely { bytes throws(WireError) in try take(bytes) }
    case .pong:
      ledger.count { $0.bytesDown += 16 }
      let number = try body.unsafely { bytes throws(WireError) in try NoticeCodec.number(bytes, frame: "pong") }
      guard number == pongs + 1, number <= pings else { throw WireError("pong.number", "\(number) was not asked") }
      pongs = number
      repeated = 0
      if let asked = ping, asked.number == number {
        ping = nil
        // One that was sent into a hole measures the hole.
        if !asked.isProbe { measured(lastReceived - asked.sent, bytes: 32) }
      }
    case .goodbye: return "said goodbye: \(body.withUnsafeReadableBytes { NoticeCodec.text($0) })"
    default: throw WireError("frame.kind", "a \(kind) is not expected now")
    }
    silent.visits = 0
    if isOverdue { setOverdue(false) }
    if isSuspended {
      isSuspended = false
      setUp(true, problem: nil)
      alarm.ring()
    }
    return nil
  }

  private func take(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = WireReader(bytes, frame: "reply")
    let reply = try ReplyCodec.readHeader(&reader)
    guard slots.wasGiven(reply.number) else { throw reader.error("number", "\(reply.number) was never asked") }
    let down = bytes.count + WireProtocol.headerBytes
    guard let slot = slots.find(reply.number), case .waiting = slot.state else {
      return ledger.count {
        $0.lateReplies += 1
        $0.bytesDown += UInt64(down)
      }
    }
    guard reply.rows == slot.rows else { throw reader.error("rows", "\(reply.rows), asked were \(slot.rows)") }
    guard reply.encoding == slot.encoding else { throw reader.error("encoding", "is not the visit's") }
    switch reply.status {
    case .done:
      try ReplyCodec.readSums(&reader, encoding: reply.encoding, count: slot.rows * own.width, into: slot.sums)
      settle(slot, reply, down: down)
    case .late:
      try reader.finish()
      slot.state = .done(reply)
      ledger.count {
        $0.late += 1
        $0.bytesDown += UInt64(down)
      }
    case .failed:
      slot.state = .failed(NoticeCodec.text(try reader.take(min(reader.remaining, FrameLimits.textBytes), "message")))
      ledger.count {
        $0.failed += 1
        $0.bytesDown += UInt64(down)
      }
    }
  }

  private func settle(_ slot: ReplySlot, _ reply: ReplyHeader, down: Int) {
    slot.state = .done(reply)
    let way = lastReceived - slot.sent - .nanoseconds(Int64(clamping: reply.execution))
    probing.took(lastReceived - slot.sent)
    if slot.wasAwaited { estimator.add(seconds: way.seconds, bytes: slot.bytesUp + down, at: lastReceived) }
    ledger.measured(estimator, down: down, done: 1)
  }

  private func measured(_ way: Duration, bytes: Int) {
    estimator.add(seconds: way.seconds, bytes: bytes, at: lastReceived)
    ledger.measured(estimator, down: 0, done: 0)
  }

  // MARK: state, for the keeper

  /// A link under construction: frames are read by `nextGreeting`.
  func adopt(_ link: PeerLink) { self.link = link }

  /// The peer was welcomed: visits can be sent.
  func up(_ peer: Greeting) {
    self.peer = peer
    link?.expected = .fromHost
    downReason = nil
    ping = nil
    (pings, pongs) = (0, 0)
    isSuspended = false
    silent.visits = 0
    if isOverdue { setOverdue(false) }
    lastReceived = .now
    ledger.follow(link?.socket)
    ledger.count {
      $0.hosted = peer.hosted
      $0.arithmetic = peer.arithmetic
    }
    setUp(true, problem: nil)
  }

  /// Ends the link and every visit under way. Idempotent.
  func end(_ reason: String) {
    guard let link else { return }
    self.link = nil
    peer = nil
    ping = nil
    isSuspended = false
    downReason = reason
    let lost = slots.failAll(reason)
    ledger.follow(nil)
    ledger.count { $0.lost += lost }
    setUp(false, problem: reason)
    link.close(reason)
    if waiters > 0 { lock.wakeAll() }
    alarm.ring()
  }

  /// Sends a ping, unless one is under way.
  func sendPing() {
    guard ping == nil, let link else { return }
    writePing(to: link, asProbe: false)
    if let failure = link.failure { end(failure.reason) }
  }

  /// How long until an overdue peer is asked again although it owes a pong: what was lost last is missed by nobody until
  /// something comes behind it. nil while nothing is owed.
  var untilRepeat: Duration? {
    guard ping != nil, isOverdue || isSuspended else { return nil }
    return pinged + min(settings.repeatCap, settings.repeatFirst * (1 << min(repeated, 10))) - .now
  }

  func repeatPing() {
    guard let link else { return }
    repeated += 1
    writePing(to: link, asProbe: true)
    ledger.count { $0.probes += 1 }
    if let failure = link.failure { end(failure.reason) }
  }

  private func writePing(to link: PeerLink, asProbe isProbe: Bool) {
    pings += 1
    pinged = .now
    if ping == nil { ping = (pings, .now, isProbe) }
    link.send { NoticeCodec.write(.ping, number: pings, into: &$0) }
  }

  /// The keeper takes the reader's role. - Returns: false when it is taken.
  func beginReading() -> Bool {
    guard !isRead else { return false }
    isRead = true
    return true
  }

  func endReading() {
    isRead = false
    read()
    if waiters > 0 { lock.wakeAll() }
  }

  private func setUp(_ up: Bool, problem: String?) {
    isUp.store(up, ordering: .relaxed)
    ledger.turned(up, problem: problem)
  }
}
