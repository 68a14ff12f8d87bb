// A conversation as text for the model.

/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable {
  /// "system", "user", "assistant", or what else the template knows.
  public var role: String
  public var content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// A rendered conversation that remembers which of its text people wrote, so that `Tokenizer.encode(_:)` can keep
/// control tokens in it from acting.
public struct ChatPrompt: Sendable, Hashable {
  public let text: String
  /// Byte ranges of `text` (UTF-8) that come from messages: rising, not overlapping.
  public let quoted: [Range<Int>]

  public init(text: String, quoted: [Range<Int>]) {
    self.text = text
    self.quoted = quoted
  }
}
