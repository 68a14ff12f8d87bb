// Values as JSON for standard output.

import Foundation

/// JSON as siftctl prints it: indented, keys in alphabetical order, a newline at the end.
public enum PrettyJSON {
  /// - Throws: `ToolFailure` for what JSON cannot say.
  public static func of(_ value: some Encodable) throws(ToolFailure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    } catch {
      throw ToolFailure(.failure, "the answer cannot be written as JSON: \(error)")
    }
  }
}
