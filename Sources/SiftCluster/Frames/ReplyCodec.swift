// The reply frame: the partial sums of a visit, what they cost, or why there are none.

import NIOCore
import SiftCore

/// How a visit ended at the host.
package enum ReplyStatus: UInt8, Sendable, Hashable {
  /// The sums follow.
  case done = 0
  /// Its patience was over before its turn came; nothing was computed.
  case late = 1
  /// It could not be executed; a sentence follows.
  case failed = 2
}

/// The fixed part of a reply: 32 bytes.
package struct ReplyHeader: Sendable, Hashable {
  package var number: UInt64
  /// Time spent computing, in nanoseconds.
  package var execution: UInt64
  /// What the host says it cost, and how far that can be trusted.
  package var energy: Energy?
  package var standing: Standing?
  package var rows: UInt32
  package var status: ReplyStatus
  package var encoding: PayloadEncoding

  package init(
    number: UInt64, execution: UInt64, energy: Energy?, standing: Standing?, rows: UInt32, status: ReplyStatus,
    encoding: PayloadEncoding
  ) {
    self.number = number
    self.execution = execution
    self.energy = energy
    self.standing = standing
    self.rows = rows
    self.status = status
    self.encoding = encoding
  }

  package static let bytes = 32
  /// More than this is nonsense: a kilojoule for one layer.
  package static let maximumJoules = 1000.0
}

package enum ReplyCodec {
  /// Bytes of a whole frame that carries sums.
  package static func frameBytes(rows: Int, width: Int, encoding: PayloadEncoding) -> Int {
    WireProtocol.headerBytes + ReplyHeader.bytes + rows * width * encoding.sumBytes
  }

  /// - Parameter sums: `[row, width]` for `.done`; nothing otherwise.
  package static func write(
    _ header: ReplyHeader, sums: UnsafeBufferPointer<Double>, message: String = "", into buffer: inout ByteBuffer
  ) {
    buffer.writeFrame(.reply) { body in
      body.writeInteger(header.number, endianness: .little)
      body.writeInteger(header.execution, endianness: .little)
      body.writeInteger((header.energy?.joules ?? 0).bitPattern, endianness: .little)
      body.writeInteger(header.rows, endianness: .little)
      body.writeInteger(header.status.rawValue)
      body.writeInteger(header.encoding.rawValue)
      body.writeInteger(header.energy == nil ? 0 : standingCode(header.standing ?? .modelled))
      body.writeInteger(UInt8(0))
      guard header.status == .done else {
        body.writeString(ByteBuffer.cut(message, FrameLimits.textBytes))
        return
      }
      switch header.encoding {
      case .f32: body.writeBytes(UnsafeRawBufferPointer(sums))
      case .bf16:
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: sums.count * 2) { out in
          guard let from = sums.baseAddress, let base = out.baseAddress else { return 0 }
          Bfloat16.write(from, count: sums.count, to: base)
          return sums.count * 2
        }
      }
    }
  }

  package static func readHeader(_ reader: inout WireReader) throws(WireError) -> ReplyHeader {
    let number: UInt64 = try reader.integer("number")
    let execution: UInt64 = try reader.integer("execution")
    let joules = Double(bitPattern: try reader.integer("energy"))
    let rows: UInt32 = try reader.integer("rows")
    let rawStatus: UInt8 = try reader.integer("status")
    let rawEncoding: UInt8 = try reader.integer("encoding")
    let rawStanding: UInt8 = try reader.integer("standing")
    let reserved: UInt8 = try reader.integer("reserved")
    guard let status = ReplyStatus(rawValue: rawStatus) else { throw reader.error("status", "\(rawStatus) is unknown") }
    guard let encoding = PayloadEncoding(rawValue: rawEncoding) else {
      throw reader.error("encoding", "\(rawEncoding) is unknown")
    }
    guard rawStanding <= 3, reserved == 0 else { throw reader.error("standing", "\(rawStanding) is unknown") }
    guard joules >= 0, joules <= ReplyHeader.maximumJoules else {
      throw reader.error("energy", "\(joules) J for one visit")
    }
    let standing = standing(rawStanding)
    return ReplyHeader(
      number: number, execution: execution, energy: standing == nil ? nil : .joules(joules), standing: standing,
      rows: rows, status: status, encoding: encoding)
  }

  /// Copies the sums that follow a header into `out` (`rows × width`), checked: finite, in range, on the grid.
  package static func readSums(
    _ reader: inout WireReader, encoding: PayloadEncoding, count: Int, into out: UnsafeMutablePointer<Double>
  ) throws(WireError) {
    let bytes = try reader.take(count * encoding.sumBytes, "sums")
    try reader.finish()
    guard let from = bytes.baseAddress else { throw reader.error("sums", "are empty") }
    switch encoding {
    case .f32:
      UnsafeMutableRawPointer(out).copyMemory(from: from, byteCount: bytes.count)
      guard SumGrid.holds(out, count: count) else {
        throw reader.error("sums", "one is not finite, not below 2^20 or not a multiple of 2^-32")
      }
    case .bf16:
      guard SumGrid.read(bf16: from, count: count, to: out) else {
        throw reader.error("sums", "one is not finite or not below 2^20")
      }
    }
  }

  private static func standingCode(_ standing: Standing) -> UInt8 {
    switch standing {
    case .measured: 1
    case .derived: 2
    case .modelled: 3
    }
  }

  private static func standing(_ code: UInt8) -> Standing? {
    switch code {
    case 1: .measured
    case 2: .derived
    case 3: .modelled
    default: nil
    }
  }
}
