// A kernel made of captured messages, for whoever has no radio at hand: every request is answered with the bytes that were
// captured for its command, through the same framing and parsers as the real ones.

import HostIO
import Synchronization

/// Datagrams by nl80211 command, as captured from a socket; their sequence numbers are replaced.
public struct CannedAnswers: Sendable {
  /// nl80211's number in the captured messages.
  public var family: UInt16
  /// Datagrams that answer a command, the end of a dump (NLMSG_DONE) included.
  public var datagrams: [UInt8: [[UInt8]]]

  public init(family: UInt16, datagrams: [UInt8: [[UInt8]]]) {
    self.family = family
    self.datagrams = datagrams
  }
}

extension LinkSources {
  /// Answers in the place of the kernel. Commands without an answer are refused as EOPNOTSUPP.
  /// - Parameter turn: may change a command's datagram before it is given, so that counters count.
  public static func canned(
    _ answers: CannedAnswers, sysfs: SysfsRoot = SysfsRoot(path: "/nonexistent"),
    turn: @escaping @Sendable (_ command: UInt8, _ datagram: inout [UInt8]) -> Void = { _, _ in }
  ) -> LinkSources {
    LinkSources(nl80211: NL80211Client(CannedTransport(answers, turn)), routes: nil, sysfs: sysfs)
  }
}

/// Gives the same answers again and again, without allocating.
final class CannedTransport: NetlinkTransport {
  let family: UInt16
  private let datagrams: Mutex<[UInt8: [[UInt8]]]>
  private let turn: @Sendable (UInt8, inout [UInt8]) -> Void

  init(_ answers: CannedAnswers, _ turn: @escaping @Sendable (UInt8, inout [UInt8]) -> Void) {
    self.turn = turn
    family = answers.family
    datagrams = Mutex(answers.datagrams)
  }

  func exchange(
    _ request: NetlinkRequest, _ take: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    let command = request.bytes[NetlinkMessage.headerSize]
    let sequence = request.sequence
    let outcome: Result<Void, NetlinkError> = datagrams.withLock { datagrams in
      guard let count = datagrams[command]?.count else { return .failure(.refused(errno: 95)) }  // EOPNOTSUPP
      var framing = ReplyFraming(sequence: sequence)
      do throws(NetlinkError) {
        for at in 0..<count {
          turn(command, &datagrams[command, default: []][at])
          Self.number(&datagrams[command, default: []][at], sequence)
          if try framing.take(datagrams[command, default: []][at][...], take) { return .success(()) }
        }
        return .failure(.timeout)
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  /// Puts a sequence number into every message of a datagram.
  private static func number(_ datagram: inout [UInt8], _ sequence: UInt32) {
    datagram.withUnsafeMutableBytes { bytes in
      var at = 0
      while at + NetlinkMessage.headerSize <= bytes.count {
        let length = Int(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        bytes.storeBytes(of: sequence, toByteOffset: at + 8, as: UInt32.self)
        guard length >= NetlinkMessage.headerSize else { return }
        at += (length + 3) & ~3
      }
    }
  }
}
