// What a session is made for: its limits, fixed when it is made, because all its buffers are.

/// The size of a session. Buffers are reserved for these figures and committed as steps use them.
public struct SessionOptions: Sendable {
  /// Most rows (tokens of all sequences together) in one step; ≥ 1.
  public var maxRows: Int
  /// Most rows whose logits one step may give; ≥ 1.
  public var maxLogitRows: Int
  /// Most tokens of all open sequences together that the KV cache may be opened for; ≥ 1.
  public var cacheTokens: Int
  /// `[layer][…]`: the experts that are executed here. nil: all of them. Layers without experts are ignored.
  public var hosted: [[Int]]?
  /// Threads that work on a step, the caller among them; nil: the engine's.
  public var threads: Int?

  public init(
    maxRows: Int = 512, maxLogitRows: Int = 64, cacheTokens: Int = 16384, hosted: [[Int]]? = nil, threads: Int? = nil
  ) {
    self.maxRows = maxRows
    self.maxLogitRows = maxLogitRows
    self.cacheTokens = cacheTokens
    self.hosted = hosted
    self.threads = threads
  }

  func check() throws(SessionError) {
    guard maxRows >= 1 else { throw .option("maxRows is \(maxRows), expected at least 1") }
    guard maxLogitRows >= 1 else { throw .option("maxLogitRows is \(maxLogitRows), expected at least 1") }
    guard cacheTokens >= 1 else { throw .option("cacheTokens is \(cacheTokens), expected at least 1") }
  }
}
