// Why a session refused something. Everything is checked before anything is touched: after an error the sequences stand
// as they stood before the call.

import SiftCore

/// A refusal of `InferenceSession`, in one line that says what and how much.
public enum SessionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The system gave no memory or address space.
  case outOfMemory(bytes: Int)
  /// The system gave no threads.
  case noThreads(Int)
  /// An option of the session is out of its range.
  case option(String)
  /// More positions than the model was made for.
  case beyondContext(tokens: Int, context: Int)
  /// More positions than the sequence was opened for.
  case beyondCapacity(tokens: Int, capacity: Int)
  /// The KV cache has no room for another sequence of this capacity just now.
  case cacheFull(asked: Int, free: Int)
  /// No such sequence is open.
  case unknownSequence(SequenceID)
  /// One sequence occurs twice in one step.
  case repeatedSequence(SequenceID)
  /// A step without tokens, or a chunk without any.
  case noTokens
  /// A token that the vocabulary has not.
  case unknownToken(Int32, vocabulary: Int)
  /// More rows in one step than the session was made for.
  case tooManyRows(Int, limit: Int)
  /// More logits wanted in one step than the session was made for.
  case tooManyLogits(Int, limit: Int)

  public var description: String {
    switch self {
    case .outOfMemory(let bytes): "no memory for a buffer of \(bytes) bytes"
    case .noThreads(let count): "the system refused to make \(count) threads"
    case .option(let what): what
    case .beyondContext(let tokens, let context): "\(tokens) tokens do not fit the model's context of \(context)"
    case .beyondCapacity(let tokens, let capacity): "\(tokens) tokens do not fit the sequence's capacity of \(capacity)"
    case .cacheFull(let asked, let free): "no room for \(asked) tokens in the KV cache: \(free) are free"
    case .unknownSequence(let id): "sequence \(id.rawValue) is not open"
    case .repeatedSequence(let id): "sequence \(id.rawValue) occurs twice in one step"
    case .noTokens: "a step needs at least one token in every chunk"
    case .unknownToken(let token, let vocabulary): "token \(token) is not in the vocabulary of \(vocabulary)"
    case .tooManyRows(let rows, let limit): "\(rows) rows in one step, at most \(limit) fit"
    case .tooManyLogits(let rows, let limit): "logits of \(rows) rows wanted in one step, at most \(limit) fit"
    }
  }
}
