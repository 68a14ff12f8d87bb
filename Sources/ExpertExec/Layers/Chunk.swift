// What a step is asked to do for one sequence.

import SiftCore

/// Tokens that follow in one sequence, and the logits that are wanted of them.
public struct Chunk: Sendable {
  /// Which of the chunk's rows get logits.
  public enum Wanted: Sendable, Hashable {
    case none
    /// Of the last token: to sample the next one.
    case last
    /// Of every token: to evaluate a text.
    case all
  }

  public var sequence: SequenceID
  public var wanted: Wanted
  private var first: Int32
  private var rest: ArraySlice<Int32>
  private let isEmpty: Bool

  /// A piece of a prompt.
  public init(sequence: SequenceID, tokens: ArraySlice<Int32>, wanted: Wanted) {
    self.sequence = sequence
    self.wanted = wanted
    self.first = tokens.first ?? -1
    self.rest = tokens.dropFirst()
    self.isEmpty = tokens.isEmpty
  }

  /// A piece of a prompt.
  public init(sequence: SequenceID, tokens: [Int32], wanted: Wanted) {
    self.init(sequence: sequence, tokens: tokens[...], wanted: wanted)
  }

  /// One token of a text that is being written. Allocates nothing.
  public init(sequence: SequenceID, token: Int32) {
    self.sequence = sequence
    self.wanted = .last
    self.first = token
    self.rest = []
    self.isEmpty = false
  }

  /// Number of tokens.
  public var count: Int { isEmpty ? 0 : rest.count + 1 }

  /// The token at `index`, `0 ..< count`.
  public subscript(index: Int) -> Int32 { index == 0 ? first : rest[rest.startIndex + index - 1] }

  var wantedCount: Int {
    switch wanted {
    case .none: 0
    case .last: 1
    case .all: count
    }
  }
}
