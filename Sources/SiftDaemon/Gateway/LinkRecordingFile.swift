// A recording of links as a file: one JSON object a line.

import Foundation
import HostIO
import LinkMonitor

/// Reads what `siftctl links record` writes.
public enum LinkRecordingFile {
  /// What is wrong, and in which line.
  public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Largest file that is read, in bytes.
  public static let limit = 1 << 28

  /// - Throws: `Problem` when the file cannot be read or is no recording.
  public static func read(_ path: String) throws(Problem) -> LinkRecording {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try readSmallFile(path, limit: limit)
    } catch {
      throw Problem(description: "\(error)")
    }
    return try parse(bytes, name: path)
  }

  /// - Parameter name: of the file, for complaints.
  public static func parse(_ bytes: [UInt8], name: String) throws(Problem) -> LinkRecording {
    let decoder = JSONDecoder()
    var lines: [LinkRecordingLine] = []
    for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
      do {
        lines.append(try decoder.decode(LinkRecordingLine.self, from: Data(line)))
      } catch {
        throw Problem(
          description:
            "\(name): line \(number + 1) is no line of a link recording (docs/formats/links.md): \(words(error))")
      }
    }
    guard let recording = LinkRecording(lines) else {
      throw Problem(description: "\(name): a link recording has at least one line, and its times rise from 0 on")
    }
    return recording
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      context.codingPath.map(\.stringValue).joined(separator: ".") + ": " + context.debugDescription
    default: "\(error)"
    }
  }
}
