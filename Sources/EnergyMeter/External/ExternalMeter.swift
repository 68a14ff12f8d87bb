// A meter of the user's own: a plug, a bench instrument or a USB meter whose program writes one JSON line a sample.

import HostIO
import SiftCore
import Synchronization

/// Where the lines of an external meter come from.
public struct ExternalMeter: Sendable {
  /// Stands in the rail's id.
  public let name: String
  let open: @Sendable () throws(SysfsError) -> any ByteSource

  /// - Parameter open: begins to read; called again some time after the source has ended.
  public init(name: String, open: @escaping @Sendable () throws(SysfsError) -> any ByteSource) {
    self.name = name
    self.open = open
  }

  /// From a text of the configuration: `NAME=command:PROGRAM ARGUMENTS…` or `NAME=fifo:/PATH`; nil when it is neither.
  public init?(_ text: String) {
    guard let equals = text.firstIndex(of: "="), let colon = text[equals...].firstIndex(of: ":") else { return nil }
    let name = Self.trimmed(text[..<equals])
    let way = Self.trimmed(text[text.index(after: equals)..<colon])
    let target = Self.trimmed(text[text.index(after: colon)...])
    guard !name.isEmpty, !name.contains(where: { $0.isWhitespace || $0 == "=" }), !target.isEmpty else { return nil }
    switch way {
    case "command": self.init(name: name) { () throws(SysfsError) in try CommandSource(command: target) }
    case "fifo" where target.hasPrefix("/"):
      self.init(name: name) { () throws(SysfsError) in try FifoSource(path: target) }
    default: return nil
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }

  /// The rail that it makes: measured by an instrument that the user chose for the whole machine.
  var rail: Rail {
    Rail(
      id: "external:\(name)", source: .external, name: name, label: nil, kind: .total, standing: .measured,
      probe: .external(name: name))
  }
}

/// Drains one external meter, a few bytes a round, without ever waiting for it.
package final class ExternalMeterReader: Sendable {
  package let meter: ExternalMeter
  /// Rounds between two attempts to open a source that has ended.
  private static let pause = 50
  /// A line longer than this is not one.
  private static let lineMax = 4096
  private struct State {
    var source: (any ByteSource)?
    var line: [UInt8] = []
    var roundsToWait = 0
  }
  private let state = Mutex(State())

  package init(_ meter: ExternalMeter) { self.meter = meter }

  /// The newest complete line since the last call as a value; `.nothingNew` when there is none.
  package func read() throws(SysfsError) -> RailValue {
    let outcome: Result<RailValue, SysfsError> = state.withLock { state in
      guard state.roundsToWait == 0 else {
        state.roundsToWait -= 1
        return .failure(.missing(path: meter.name))
      }
      do throws(SysfsError) { return .success(try read(&state)) } catch {
        if case .malformed = error { return .failure(error) }
        state.source = nil
        state.roundsToWait = Self.pause
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  private func read(_ state: inout State) throws(SysfsError) -> RailValue {
    if state.source == nil {
      state.source = try meter.open()
      state.line = []
    }
    guard let newest = try newestLine(&state) else { return .nothingNew }
    guard let value = ExternalSample.value(of: newest) else {
      throw .malformed(
        path: meter.name, expected: "a JSON line with power_w or energy_j",
        got: String(decoding: newest.prefix(40), as: UTF8.self))
    }
    return value
  }

  /// A source that ends after its last line has that line read first: its end is seen again at the next call.
  private func newestLine(_ state: inout State) throws(SysfsError) -> [UInt8]? {
    var newest: [UInt8]?
    while true {
      let bytes: [UInt8]?
      do throws(SysfsError) { bytes = try chunk(state.source) } catch {
        guard newest == nil else { break }
        throw error
      }
      guard let bytes, !bytes.isEmpty else { break }
      for byte in bytes {
        if byte != UInt8(ascii: "\n") {
          if state.line.count < Self.lineMax { state.line.append(byte) }
        } else {
          if !state.line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { newest = state.line }
          state.line = []
        }
      }
    }
    return newest
  }

  private func chunk(_ source: (any ByteSource)?) throws(SysfsError) -> [UInt8]? {
    guard let source else { return nil }
    let outcome: Result<[UInt8], SysfsError> = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      do throws(SysfsError) {
        let count = try source.take(into: buffer)
        return .success(Array(buffer[..<count]))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
