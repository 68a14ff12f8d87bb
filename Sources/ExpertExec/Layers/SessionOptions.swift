// What a session is made for: its limits, fixed when it is made, because all its buffers are.

/// The size of a session. Buffers are reserved for these figures and committed as steps use them.
public struct SessionOptions: Sendable {
  /// Most rows (tokens of all sequences together) in one step; 1 to 65,536.
  public var maxRows: Int
  /// Most rows whose logits one step may give; 1 to 65,536.
  public var maxLogitRows: Int
  /// Most tokens of all open sequences together that the KV cache may be opened for; 1 to 2³⁰.
  public var cacheTokens: Int
  /// `[layer][…]`: the experts that are executed here. nil: all of them. Layers without experts are ignored.
  public var hosted: [[Int]]?
  /// Threads that work on a step, the caller among them, 1 to 1,024; nil: the engine's.
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
    try Self.check("maxRows", maxRows, 1...1 << 16)
    try Self.check("maxLogitRows", maxLogitRows, 1...1 << 16)
    try Self.check("cacheTokens", cacheTokens, 1...1 << 30)
    if let threads { try Self.check("threads", threads, 1...1024) }
  }

  private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(SessionError) {
    guard range.contains(value) else {
      throw .option("\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
  }
}
