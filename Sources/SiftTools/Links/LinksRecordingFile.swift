// Recordings of links as files: written line by line while links are watched, read back whole.

import Foundation
import LinkMonitor
import SiftDaemon

/// Reads and writes `{"time_s": …, "links": […]}`, one object a line.
public enum LinksRecordingFile {
  /// - Throws: `ToolFailure`: what is wrong in which line.
  public static func read(_ path: String) throws(ToolFailure) -> LinkRecording {
    let bytes = try InputFile.read(path)
    do throws(LinkRecordingFile.Problem) {
      return try LinkRecordingFile.parse(bytes, name: path)
    } catch {
      throw ToolFailure(.badData, "\(error)")
    }
  }

  /// One line, newline included.
  public static func line(_ line: LinkRecordingLine) throws(ToolFailure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
    } catch {
      throw ToolFailure(.failure, "a link cannot be written as JSON: \(error)")
    }
  }
}

/// A file that grows by whole lines: whoever reads it while it is written, or after a crash, finds no broken line but the last.
public final class LinksRecorder {
  private let handle: FileHandle
  private let path: String

  /// Makes the file, or empties it.
  public init(_ path: String) throws(ToolFailure) {
    self.path = path
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path)
    else { throw ToolFailure(.cannotWrite, "\(path): cannot be written: \(String(cString: strerror(errno)))") }
    self.handle = handle
  }

  public func append(_ line: LinkRecordingLine) throws(ToolFailure) {
    let text = try LinksRecordingFile.line(line)
    do {
      try handle.write(contentsOf: Data(text.utf8))
    } catch {
      throw ToolFailure(.cannotWrite, "\(path): \(error.localizedDescription)")
    }
  }
}
