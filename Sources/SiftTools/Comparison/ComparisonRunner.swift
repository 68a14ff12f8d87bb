// Runs a comparison: warm-up, blocks in drawn order, text between them, until the stop rule says so.

/// Measures two policies on one daemon.
public struct ComparisonRunner: Sendable {
  private let daemon: any ComparedDaemon
  private let file: ComparisonFile?
  /// Told after every request: how many are done, and how many there will be as far as is known.
  public var onRequest: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }

  /// - Parameter file: where the comparison is kept; nil: nowhere.
  public init(_ daemon: any ComparedDaemon, file: ComparisonFile? = nil) {
    self.daemon = daemon
    self.file = file
  }

  /// Begins a comparison. - Throws: `ToolFailure`; what was measured is in the file then.
  public func run(_ settings: ComparisonSettings) async throws -> ComparisonRecord {
    guard settings.policies.count == 2, !settings.prompts.isEmpty else {
      throw ToolFailure(.usage, "a comparison needs two policies and at least one prompt")
    }
    let node = try await daemon.node()
    let requests = try await warmUp(settings)
    let record = ComparisonRecord(settings: settings, node: node, requests: requests)
    try file?.begin(record)
    return try await measure(record)
  }

  /// Takes up a comparison that was stopped.
  public func resume(_ record: ComparisonRecord) async throws -> ComparisonRecord {
    let node = try await daemon.node()
    guard node == record.node else {
      throw ToolFailure(
        .badData,
        "the comparison was begun on \(record.node.node) with \(record.node.model) and rails "
          + "\(record.node.rails.joined(separator: ", ")); this daemon is \(node.node) with \(node.model) and rails "
          + "\(node.rails.joined(separator: ", ")). Begin anew without --resume")
    }
    _ = try await warmUp(record.settings)
    try file?.rewrite(record)
    return try await measure(record)
  }

  // MARK: Warm-up

  /// Asks each policy until a fifth of a block's time has passed, at least twice: caches, connections and clocks are then
  /// as they stay.
  /// - Returns: requests that a block needs to last as long as it should under either policy.
  private func warmUp(_ settings: ComparisonSettings) async throws -> Int {
    var fastest = Double.infinity
    for policy in settings.policies {
      var spent = 0.0
      var count = 0
      while count < 2 || (spent < settings.blockSeconds / 5 && count < 100) {
        let answer = try await daemon.ask(
          settings.prompts[count % settings.prompts.count], under: policy, maxTokens: settings.maxTokens)
        // The first answer pays for cold caches.
        if count > 0 { fastest = min(fastest, answer.seconds) }
        spent += answer.seconds
        count += 1
      }
    }
    let needed = fastest > 0 ? (settings.blockSeconds / fastest).rounded(.up) : 0
    return max(settings.blockRequests, Int(min(needed, 10_000)))
  }

  // MARK: Blocks

  private func measure(_ start: ComparisonRecord) async throws -> ComparisonRecord {
    var record = start
    let order = BlockOrder(seed: record.settings.seed)
    while !record.isComplete {
      let pair = record.nextPair
      record.blocks.removeAll { $0.pair == pair }
      for place in 0...1 {
        let block = try await block(record, pair: pair, place: place, policy: order.policy(pair: pair, place: place))
        record.blocks.append(block)
        try file?.append(block)
      }
      if let piece = try await score(record, pair: pair) {
        record.pieces.append(piece)
        try file?.append(piece)
      }
    }
    return record
  }

  private func block(
    _ record: ComparisonRecord, pair: Int, place: Int, policy: Int
  ) async throws -> ComparisonBlock {
    let settings = record.settings
    var block = ComparisonBlock(pair: pair, place: place, policy: policy)
    block.before = try await daemon.conditions()
    for number in 0..<record.requests {
      try Task.checkCancellation()
      // Both blocks of a pair have the same prompts; the next pair goes on where they ended.
      let prompt = settings.prompts[(pair * record.requests + number) % settings.prompts.count]
      do {
        block.add(try await daemon.ask(prompt, under: settings.policies[policy], maxTokens: settings.maxTokens))
        progress(record, number + 1)
      } catch let failure as ToolFailure where failure.status != .unavailable {
        try Task.checkCancellation()
        block.failures += 1
        progress(record, number + 1)
        if block.failures * 2 > record.requests {
          throw ToolFailure(
            failure.status, "more than half of a block under \(settings.policies[policy]) failed; the last: \(failure)")
        }
      }
    }
    block.after = try await daemon.conditions()
    return block
  }

  private func progress(_ record: ComparisonRecord, _ number: Int) {
    let done = record.blocks.count * record.requests + number
    // Pairs that do not count are measured again.
    let wanted = (record.planned ?? record.settings.stop.pilot) + record.pairs.count - record.goodPairs.count
    onRequest(done, max(done, wanted * 2 * record.requests))
  }

  /// Scores the next piece of text under both policies, in the pair's order.
  private func score(_ record: ComparisonRecord, pair: Int) async throws -> ScoredPiece? {
    let done = record.pieces.count
    guard done < record.settings.pieces.count else { return nil }
    let first = BlockOrder(seed: record.settings.seed).first(ofPair: pair)
    var piece = ScoredPiece(piece: done, predicted: 0, losses: [0, 0])
    for policy in [first, 1 - first] {
      let score = try await daemon.score(record.settings.pieces[done], under: record.settings.policies[policy])
      piece.predicted = score.predicted
      piece.losses[policy] = score.loss
    }
    return piece
  }
}
