// Unicode normalisation before tokenizing.

import Foundation

/// What is done to text before it is cut into words.
enum Normalization: Sendable {
  case none
  /// Canonical composition.
  case nfc

  /// True when these bytes are sure to stay as they are: every scalar below U+0300 (first byte below 0xCC) is composed
  /// already and composes with nothing.
  static func isComposed(_ utf8: some Sequence<UInt8>) -> Bool { utf8.allSatisfy { $0 < 0xCC } }

  func apply(_ text: String) -> String {
    switch self {
    case .none: text
    case .nfc: Self.isComposed(text.utf8) ? text : text.precomposedStringWithCanonicalMapping
    }
  }
}
