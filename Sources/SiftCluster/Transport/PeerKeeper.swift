// Keeps one peer: connects, shakes hands, watches the link, tells what changed, and tries again. A thread of its own,
// asleep unless something happens, so that neither a slow name server nor a slow handshake touches another peer.

import Glibc
import NIOCore
import SiftCore
import Synchronization

/// Why there is no link.
private enum LinkTrouble: Error {
  case lost(String)
  case refused(String)
  case stopped
}

final class PeerKeeper: Sendable {
  let connection: PeerConnection
  private let tls: ClusterTLS
  private let onEvent: @Sendable (PeerEvent) -> Void
  private let isStopping = Atomic<Bool>(false)
  private let thread = Mutex<KeeperThread?>(nil)

  init(connection: PeerConnection, tls: ClusterTLS, onEvent: @escaping @Sendable (PeerEvent) -> Void) {
    self.connection = connection
    self.tls = tls
    self.onEvent = onEvent
  }

  func start() {
    thread.withLock { thread in
      guard thread == nil else { return }
      thread = KeeperThread { self.run() }
      if thread == nil { connection.ledger.note(problem: "the system gives no thread") }
    }
  }

  /// Says goodbye and ends the thread.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
    connection.alarm.ring()
    thread.withLock { $0.take() }?.join()
  }

  private var stopping: Bool { isStopping.load(ordering: .relaxed) }

  private func run() {
    var announcer = PeerAnnouncer()
    var backoff = Backoff(first: connection.settings.backoffFirst, cap: connection.settings.backoffCap)
    var generator = SystemRandomNumberGenerator()
    while !stopping {
      do throws(LinkTrouble) {
        let peer = try establish()
        backoff.reset()
        let same = peer.arithmetic == connection.own.arithmetic
        tell(announcer.up(sameArithmetic: same))
        try watch(&announcer, same)
      } catch {
        switch error {
        case .stopped: return
        case .lost(let reason):
          connection.ledger.note(problem: reason)
          tell(announcer.lost(reason))
        case .refused(let reason):
          connection.ledger.note(problem: reason)
          tell(announcer.refused(reason))
        }
      }
      pause(backoff.next(using: &generator))
    }
  }

  private func tell(_ change: PeerEvent.Change?) {
    guard let change else { return }
    onEvent(PeerEvent(node: connection.node, name: connection.address.name, change: change))
  }

  /// Waits although the alarm may ring for other reasons.
  private func pause(_ time: Duration) {
    let end = ContinuousClock.now + time
    while !stopping, ContinuousClock.now < end {
      connection.alarm.wait(nanoseconds: (end - .now).nanoseconds)
    }
  }

  // MARK: making a link

  private func establish() throws(LinkTrouble) -> Greeting {
    let socket = try connect()
    let failed: String? = connection.locked {
      do {
        let limits = FrameLimits(frameBytes: connection.settings.frameBytes, kinds: [])
        connection.adopt(
          try PeerLink(socket: socket, loop: connection.loop, context: tls.client, limits: limits))
        return nil
      } catch {
        return "TLS cannot be set up: \(error)"
      }
    }
    if let failed { throw .lost(failed) }
    do throws(LinkTrouble) {
      let deadline = ContinuousClock.now + connection.settings.handshakeTimeout
      try secure(deadline)
      let peer = try greet(deadline)
      connection.locked { connection.up(peer) }
      return peer
    } catch {
      switch error {
      case .lost(let reason), .refused(let reason): connection.locked { connection.end(reason) }
      case .stopped: connection.locked { connection.end("stopped") }
      }
      throw error
    }
  }

  private func connect() throws(LinkTrouble) -> SocketHandle {
    let address = connection.address
    let place = "\(address.host):\(address.port)"
    let resolved: ResolvedAddress
    switch ResolvedAddress.resolve(host: address.host, port: address.port) {
    case .success(let list): resolved = list
    case .failure(let failure): throw .lost(failure.text)
    }
    let socket: SocketHandle
    switch SocketHandle.connecting(to: resolved.first, traffic: connection.settings.traffic) {
    case .success(let handle): socket = handle
    case .failure(let failure): throw .lost("\(place): \(failure.text)")
    }
    let deadline = ContinuousClock.now + connection.settings.connectTimeout
    while true {
      let left = (deadline - .now).nanoseconds
      guard left > 0 else { throw .lost("\(place): no connection within \(connection.settings.connectTimeout)") }
      let ready = socket.await(.writable, alarm: connection.alarm, nanoseconds: left)
      if ready.contains(.alarm) { connection.alarm.silence() }
      if stopping { throw .stopped }
      guard ready.contains(.writable) || ready.contains(.hungUp) else { continue }
      if let problem = socket.connectError { throw .lost("\(place): \(problem)") }
      return socket
    }
  }

  /// Runs the TLS handshake and compares the name in the peer's certificate with the configured one.
  private func secure(_ deadline: ContinuousClock.Instant) throws(LinkTrouble) {
    let name: String? = try drive(deadline, "TLS handshake") { link in
      link.isSecured ? .success(link.peerName) : nil
    }
    guard name == connection.address.name else {
      throw .refused(
        "its certificate was made for \(name ?? "nobody"), the node configured here is \(connection.address.name)")
    }
  }

  /// Says hello and reads the answer.
  private func greet(_ deadline: ContinuousClock.Instant) throws(LinkTrouble) -> Greeting {
    let own = connection.own
    connection.locked {
      connection.link?.expected = [.welcome, .refuse]
      connection.link?.send { GreetingCodec.write(own, as: .hello, into: &$0) }
    }
    let peer: Greeting = try drive(deadline, "greeting") { link in
      do throws(WireError) {
        guard let (header, body) = try link.nextFrame() else { return nil }
        if header.kind == .refuse {
          return .failure(.refused("it says: \(body.withUnsafeReadableBytes { NoticeCodec.text($0) })"))
        }
        return .success(
          try body.unsafely { bytes throws(WireError) in try GreetingCodec.read(bytes, frame: "welcome") })
      } catch {
        return .failure(.refused("nonsense: \(error)"))
      }
    }
    guard peer.node == connection.address.name else {
      throw .refused("it calls itself \(peer.node), its certificate was made for \(connection.address.name)")
    }
    if let objection = own.objection(to: peer, encoding: connection.encoding) { throw .refused(objection) }
    return peer
  }

  /// Reads and writes until `done` has an answer, the link breaks or time is over.
  private func drive<Value>(
    _ deadline: ContinuousClock.Instant, _ what: String, _ done: (PeerLink) -> Result<Value, LinkTrouble>?
  ) throws(LinkTrouble) -> Value {
    while true {
      let step: (result: Result<Value, LinkTrouble>?, socket: SocketHandle?, wanted: Readiness) = connection.locked {
        guard let link = connection.link else { return (.failure(.lost("closed")), nil, []) }
        let stands = link.pump()
        if let result = done(link) { return (result, nil, []) }
        if !stands, let failure = link.failure {
          let reason = "\(what): \(failure.reason)"
          return (.failure(failure.isTLS ? .refused(reason) : .lost(reason)), nil, [])
        }
        return (nil, link.socket, link.hasUnsent ? [.readable, .writable] : .readable)
      }
      if let result = step.result { return try result.get() }
      let left = (deadline - .now).nanoseconds
      guard left > 0 else { throw .lost("\(what): not done within \(connection.settings.handshakeTimeout)") }
      let ready = step.socket?.await(step.wanted, alarm: connection.alarm, nanoseconds: left) ?? []
      if ready.contains(.alarm) { connection.alarm.silence() }
      if stopping { throw .stopped }
      if ready.contains(.writable) { connection.locked { connection.link?.flush() } }
    }
  }

  // MARK: watching a link

  /// What the keeper does next.
  private enum Watch {
    case wait(SocketHandle, Readiness, nanoseconds: Int64, reads: Bool)
    case down(String)
  }

  /// Stays until the link is down.
  private func watch(_ announcer: inout PeerAnnouncer, _ same: Bool) throws(LinkTrouble) {
    while true {
      if stopping {
        connection.locked { farewell() }
        throw .stopped
      }
      let (next, suspended) = connection.locked { (plan(), connection.isSuspended) }
      switch next {
      case .down(let reason): throw .lost(reason)
      case .wait(let socket, let wanted, let nanoseconds, let reads):
        let silence = "no answer to \(connection.settings.silentVisits) visits in a row"
        tell(suspended ? announcer.lost(silence) : announcer.up(sameArithmetic: same))
        let ready = socket.await(wanted, alarm: connection.alarm, nanoseconds: nanoseconds)
        if ready.contains(.alarm) { connection.alarm.silence() }
        connection.locked {
          if ready.contains(.writable) { connection.link?.flush() }
          if reads {
            connection.endReading()
          } else if ready.contains(.hungUp), !connection.isRead {
            connection.read()
          }
        }
      }
    }
  }

  /// The lock is held.
  private func plan() -> Watch {
    let settings = connection.settings
    guard connection.link != nil else { return .down(connection.downReason ?? "closed") }
    let quiet = ContinuousClock.now - connection.lastReceived
    if connection.ping == nil, connection.isSuspended || connection.isOverdue || quiet >= settings.pingInterval {
      connection.sendPing()
    } else if let wait = connection.untilRepeat, wait <= .zero {
      connection.repeatPing()
    }
    guard let link = connection.link else { return .down(connection.downReason ?? "closed") }
    var wanted: Readiness = link.hasUnsent ? .writable : []
    guard let ping = connection.ping else {
      return .wait(link.socket, wanted, nanoseconds: (settings.pingInterval - quiet).nanoseconds, reads: false)
    }
    // A question behind a visit comes early: it is due when one after silence would be.
    let asked = ping.isProbe ? max(ping.sent, connection.lastReceived + settings.pingInterval) : ping.sent
    let left = settings.pongTimeout - (ContinuousClock.now - asked)
    guard left > .zero else {
      connection.end("no pong within \(settings.pongTimeout)")
      return .down("no pong within \(settings.pongTimeout)")
    }
    let nap = min(left, max(.milliseconds(1), connection.untilRepeat ?? left))
    if connection.beginReading() {
      wanted.insert(.readable)
      return .wait(link.socket, wanted, nanoseconds: nap.nanoseconds, reads: true)
    }
    // Somebody waits for a reply and will read the pong too; looked at again soon, in case it leaves before.
    return .wait(link.socket, wanted, nanoseconds: min(nap, .milliseconds(100)).nanoseconds, reads: false)
  }

  private func farewell() {
    connection.link?.send { NoticeCodec.write(.goodbye, text: "shutting down", into: &$0) }
    connection.end("this node is shutting down")
  }
}
