// The visit frame: hidden states of some rows, and which experts they are for. The only large frame of a gateway.

import ExpertExec
import NIOCore
import SiftCore

/// The fixed part of a visit: 32 bytes.
package struct VisitHeader: Sendable, Hashable {
  package var number: UInt64
  /// How long the gateway waits, in microseconds.
  package var patience: UInt32
  package var layer: UInt32
  package var rows: UInt32
  /// (Expert, weight) pairs of all rows together.
  package var pairs: UInt32
  package var encoding: PayloadEncoding
  package static let bytes = 32
}

package enum VisitCodec {
  /// Bytes of a whole frame, header included.
  package static func frameBytes(rows: Int, pairs: Int, width: Int, encoding: PayloadEncoding) -> Int {
    WireProtocol.headerBytes + VisitHeader.bytes + rows * 4 + pairs * 8 + rows * width * encoding.hiddenBytes
  }

  package static func write(
    _ visit: ExpertVisit, number: UInt64, encoding: PayloadEncoding, into buffer: inout ByteBuffer
  ) {
    let (seconds, attoseconds) = visit.patience.components
    let elements = visit.rows * visit.width
    buffer.writeFrame(.visit) { body in
      body.writeInteger(number, endianness: .little)
      body.writeInteger(
        UInt32(clamping: seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000), endianness: .little)
      body.writeInteger(UInt32(clamping: visit.layer), endianness: .little)
      body.writeInteger(UInt32(clamping: visit.rows), endianness: .little)
      body.writeInteger(UInt32(clamping: visit.experts.count), endianness: .little)
      body.writeInteger(UInt64(encoding.rawValue), endianness: .little)
      body.writeBytes(UnsafeRawBufferPointer(visit.counts))
      body.writeBytes(UnsafeRawBufferPointer(visit.experts))
      body.writeBytes(UnsafeRawBufferPointer(visit.weights))
      switch encoding {
      case .f32: body.writeBytes(UnsafeRawBufferPointer(start: visit.hidden, count: elements * 4))
      case .bf16:
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: elements * 2) { out in
          guard let base = out.baseAddress else { return 0 }
          Bfloat16.write(visit.hidden, count: elements, to: base)
          return elements * 2
        }
      }
    }
  }

  package static func readHeader(_ reader: inout WireReader) throws(WireError) -> VisitHeader {
    let number: UInt64 = try reader.integer("number")
    let patience: UInt32 = try reader.integer("patience")
    let layer: UInt32 = try reader.integer("layer")
    let rows: UInt32 = try reader.integer("rows")
    let pairs: UInt32 = try reader.integer("pairs")
    let rawEncoding: UInt64 = try reader.integer("encoding")
    guard let small = UInt8(exactly: rawEncoding), let encoding = PayloadEncoding(rawValue: small) else {
      throw reader.error("encoding", "\(rawEncoding) is unknown")
    }
    return VisitHeader(
      number: number, patience: patience, layer: layer, rows: rows, pairs: pairs, encoding: encoding)
  }

  /// Reads a whole visit into `scratch`. `layers` and `width` are the model's, `experts` how many ids there are.
  package static func read(
    _ bytes: UnsafeRawBufferPointer, layers: Int, width: Int, experts: Int, limits: FrameLimits,
    into scratch: VisitScratch
  ) throws(WireError) -> VisitHeader {
    var reader = WireReader(bytes, frame: "visit")
    let header = try readHeader(&reader)
    let rows = Int(header.rows)
    let pairs = Int(header.pairs)
    guard Int(header.layer) < layers else { throw reader.error("layer", "\(header.layer) is not in 0..<\(layers)") }
    guard (1...limits.rows).contains(rows) else { throw reader.error("rows", "\(rows) is not in 1…\(limits.rows)") }
    let needed = frameBytes(rows: rows, pairs: pairs, width: width, encoding: header.encoding)
    guard needed - WireProtocol.headerBytes == bytes.count else {
      throw reader.error("length", "\(bytes.count) bytes, but \(rows) rows and \(pairs) pairs make \(needed - 8)")
    }
    let counts = try reader.take(rows * 4, "counts")
    let ids = try reader.take(pairs * 4, "experts")
    let weights = try reader.take(pairs * 4, "weights")
    let hidden = try reader.take(rows * width * header.encoding.hiddenBytes, "hidden")
    scratch.prepare(rows: rows, pairs: pairs, width: width)
    UnsafeMutableRawPointer(scratch.counts).copyMemory(from: counts)
    UnsafeMutableRawPointer(scratch.experts).copyMemory(from: ids)
    UnsafeMutableRawPointer(scratch.weights).copyMemory(from: weights)
    try check(scratch, rows: rows, pairs: pairs, experts: experts, reader)
    guard let from = hidden.baseAddress else { throw reader.error("hidden", "is empty") }
    switch header.encoding {
    case .f32: UnsafeMutableRawPointer(scratch.hidden).copyMemory(from: from, byteCount: hidden.count)
    case .bf16: Bfloat16.read(from, count: rows * width, to: scratch.hidden)
    }
    return header
  }

  /// Counts add up, ids and weights are possible.
  private static func check(_ scratch: VisitScratch, rows: Int, pairs: Int, experts: Int, _ reader: WireReader)
    throws(WireError)
  {
    var total = 0
    for row in 0..<rows {
      let count = Int(scratch.counts[row])
      guard count >= 1, count <= pairs else {
        throw reader.error("counts", "row \(row) has \(count) of \(pairs) pairs")
      }
      total += count
    }
    guard total == pairs else { throw reader.error("counts", "add up to \(total), not to the \(pairs) pairs") }
    for pair in 0..<pairs {
      let expert = Int(scratch.experts[pair])
      guard (0..<experts).contains(expert) else {
        throw reader.error("experts", "\(expert) is not in 0..<\(experts)")
      }
      guard scratch.weights[pair].isFinite else {
        throw reader.error("weights", "\(scratch.weights[pair]) is not finite")
      }
    }
  }
}

extension UnsafeMutableRawPointer {
  fileprivate func copyMemory(from: UnsafeRawBufferPointer) {
    if let base = from.baseAddress { copyMemory(from: base, byteCount: from.count) }
  }
}

/// Aligned room for one visit and its sums. Grows to the largest visit that was ever accepted and stays so.
package final class VisitScratch {
  private(set) package var counts: UnsafeMutablePointer<Int32>
  private(set) package var experts: UnsafeMutablePointer<Int32>
  private(set) package var weights: UnsafeMutablePointer<Float>
  /// `[row, width]`
  private(set) package var hidden: UnsafeMutablePointer<Float>
  /// `[row, width]`
  private(set) package var sums: UnsafeMutablePointer<Double>
  private var capacity = (rows: 0, pairs: 0, elements: 0)

  package init() {
    counts = .allocate(capacity: 1)
    experts = .allocate(capacity: 1)
    weights = .allocate(capacity: 1)
    hidden = .allocate(capacity: 1)
    sums = .allocate(capacity: 1)
  }

  deinit {
    counts.deallocate()
    experts.deallocate()
    weights.deallocate()
    hidden.deallocate()
    sums.deallocate()
  }

  /// Makes room; what was there is gone.
  package func prepare(rows: Int, pairs: Int, width: Int) {
    if rows > capacity.rows {
      counts.deallocate()
      counts = .allocate(capacity: rows)
      capacity.rows = rows
    }
    if pairs > capacity.pairs {
      experts.deallocate()
      weights.deallocate()
      experts = .allocate(capacity: pairs)
      weights = .allocate(capacity: pairs)
      capacity.pairs = pairs
    }
    if rows * width > capacity.elements {
      hidden.deallocate()
      sums.deallocate()
      hidden = .allocate(capacity: rows * width)
      sums = .allocate(capacity: rows * width)
      capacity.elements = rows * width
    }
  }

  /// What was read, as the host wants it.
  package func visit(_ header: VisitHeader, width: Int) -> ExpertVisit {
    ExpertVisit(
      node: .local, layer: Int(header.layer), width: width, rows: Int(header.rows), hidden: UnsafePointer(hidden),
      counts: UnsafeBufferPointer(start: counts, count: Int(header.rows)),
      experts: UnsafeBufferPointer(start: experts, count: Int(header.pairs)),
      weights: UnsafeBufferPointer(start: weights, count: Int(header.pairs)),
      patience: .microseconds(Int64(header.patience)))
  }
}
