// Values as JSON for standard output.

import Foundation

/// JSON as siftctl prints it: indented, keys in alphabetical order, a newline at the end.
public enum PrettyJSON {
  /// - Throws: `ToolFailure` for what JSON cannot say.
  public static func of(_ value: some Encodable) throws(ToolFailure) -> String {
    try encoded(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]) + "\n"
  }

  /// The same on one line, without a newline.
  public static func line(_ value: some Encodable) throws(ToolFailure) -> String {
    try encoded(value, [.sortedKeys, .withoutEscapingSlashes])
  }

  private static func encoded(
    _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting
  ) throws(ToolFailure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw ToolFailure(.failure, "the answer cannot be written as JSON: \(error)")
    }
  }
}
