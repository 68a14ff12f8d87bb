// Windows of a measured rail beside what the radio did in them: the raw material of the radio's power model, as a file.

import SiftCore

/// One window.
public struct RadioWindow: Sendable, Hashable {
  /// Length, in seconds, > 0.
  public var seconds: Double
  /// Energy of the rail, in joules.
  public var joules: Double
  /// Airtime of frames sent and received, in seconds, ≥ 0.
  public var sending: Double
  public var receiving: Double
  /// Frames, both ways.
  public var frames: Double
  /// Payload, both ways, in bytes.
  public var bytes: Double

  public init(
    seconds: Double, joules: Double, sending: Double, receiving: Double, frames: Double, bytes: Double
  ) {
    self.seconds = seconds
    self.joules = joules
    self.sending = sending
    self.receiving = receiving
    self.frames = frames
    self.bytes = bytes
  }

  static let columns = ["seconds", "joules", "tx_airtime_s", "rx_airtime_s", "frames", "bytes"]

  private var figures: [Double] { [seconds, joules, sending, receiving, frames, bytes] }

  private init?(_ figures: [Double]) {
    guard figures.count == Self.columns.count, figures.allSatisfy({ $0.isFinite && $0 >= 0 }), figures[0] > 0 else {
      return nil
    }
    self.init(
      seconds: figures[0], joules: figures[1], sending: figures[2], receiving: figures[3], frames: figures[4],
      bytes: figures[5])
  }

  /// A line of heads, then one window a line, with commas between fields.
  public static func text(_ windows: [RadioWindow]) -> String {
    ([columns.joined(separator: ",")] + windows.map(\.line)).joined(separator: "\n") + "\n"
  }

  var line: String { figures.map { "\($0)" }.joined(separator: ",") }

  /// Reads what `text` writes. - Throws: `ToolFailure(.badData)`: what is wrong in which line.
  public static func read(_ text: String, name: String) throws(ToolFailure) -> [RadioWindow] {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard lines.first.map(String.init) == columns.joined(separator: ",") else {
      throw ToolFailure(.badData, "\(name): line 1: expected the heads \(columns.joined(separator: ","))")
    }
    var windows: [RadioWindow] = []
    for (number, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let figures = line.split(separator: ",", omittingEmptySubsequences: false).compactMap { Double($0) }
      guard let window = RadioWindow(figures) else {
        throw ToolFailure(
          .badData,
          "\(name): line \(number + 1): expected \(columns.count) figures, none negative, the first above 0; got “\(line)”"
        )
      }
      windows.append(window)
    }
    return windows
  }
}
