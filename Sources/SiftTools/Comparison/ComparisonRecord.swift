// A comparison as it is kept on disk while it runs: one JSON line for what is compared, one for every block and piece of
// text. A run that was stopped is taken up from it.

import Foundation

/// What is compared, and how.
public struct ComparisonSettings: Codable, Hashable, Sendable {
  /// The layout of the file.
  public static let format = 1
  public var format = ComparisonSettings.format
  /// Two.
  public var policies: [PolicySetting]
  public var prompts: [String]
  /// Pieces of the text that quality is measured on; none: it is not.
  public var pieces: [String] = []
  public var maxTokens: Int
  /// Least requests of a block, and least seconds.
  public var blockRequests: Int
  public var blockSeconds: Double
  public var stop: StopRule
  public var seed: UInt64

  public init(
    policies: [PolicySetting], prompts: [String], maxTokens: Int, blockRequests: Int = 20, blockSeconds: Double = 10,
    stop: StopRule = StopRule(precision: 0.02, pilot: 6, most: 40), seed: UInt64 = 1
  ) {
    self.policies = policies
    self.prompts = prompts
    self.maxTokens = maxTokens
    self.blockRequests = blockRequests
    self.blockSeconds = blockSeconds
    self.stop = stop
    self.seed = seed
  }
}

/// What a daemon is, as far as a comparison must not mix two of them.
public struct ComparedNode: Codable, Hashable, Sendable {
  public var node: String
  public var model: String
  public var modelHash: String
  /// Rails whose joules are compared; none when the joules are modelled.
  public var rails: [String]

  public init(node: String, model: String, modelHash: String, rails: [String]) {
    self.node = node
    self.model = model
    self.modelHash = modelHash
    self.rails = rails
  }
}

/// Everything of one comparison.
public struct ComparisonRecord: Hashable, Sendable {
  public var settings: ComparisonSettings
  public var node: ComparedNode
  /// Requests of every block, found in the warm-up.
  public var requests: Int
  public var blocks: [ComparisonBlock] = []
  public var pieces: [ScoredPiece] = []

  public init(settings: ComparisonSettings, node: ComparedNode, requests: Int) {
    self.settings = settings
    self.node = node
    self.requests = requests
  }

  /// Whole pairs in the order they were measured, each by policy.
  public var pairs: [(first: ComparisonBlock, second: ComparisonBlock)] {
    var pairs: [(first: ComparisonBlock, second: ComparisonBlock)] = []
    for block in blocks where block.policy == 0 {
      if let other = blocks.first(where: { $0.pair == block.pair && $0.policy == 1 }) { pairs.append((block, other)) }
    }
    return pairs.sorted { $0.first.pair < $1.first.pair }
  }

  /// Pairs that count: not throttled, every request of both answered, and both with joules.
  public var goodPairs: [(first: ComparisonBlock, second: ComparisonBlock)] {
    pairs.filter { pair in
      ![pair.first, pair.second].contains { $0.wasThrottled || $0.joulesPerToken == nil || $0.failures > 0 }
    }
  }

  /// ln(second ÷ first) of the good pairs' joules per token.
  public var logRatios: [Double] {
    goodPairs.compactMap { pair in
      guard let first = pair.first.joulesPerToken, let second = pair.second.joulesPerToken else { return nil }
      return log(second / first)
    }
  }

  /// Pairs that the stop rule wants; nil while the pilot is not over.
  public var planned: Int? {
    let figures = logRatios
    guard figures.count >= settings.stop.pilot else { return nil }
    return settings.stop.pairs(pilot: Array(figures.prefix(settings.stop.pilot)))
  }

  /// Whether the stop rule is satisfied. Pairs that do not count are tried again, up to half as many as are allowed.
  public var isComplete: Bool {
    if let planned, logRatios.count >= planned { return true }
    return pairs.count >= settings.stop.most * 3 / 2
  }

  /// The next pair's number; a pair of which only one block is there is measured anew.
  public var nextPair: Int { (pairs.map(\.first.pair).max() ?? -1) + 1 }
}

/// The file of a comparison.
public struct ComparisonFile: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// One line of it.
  enum Line: Codable {
    case begin(settings: ComparisonSettings, node: ComparedNode, requests: Int)
    case block(ComparisonBlock)
    case piece(ScoredPiece)
  }

  /// Begins the file anew; what was there is kept once more under `.previous`. - Throws: `ToolFailure(.cannotWrite)`.
  public func begin(_ record: ComparisonRecord) throws(ToolFailure) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if FileManager.default.fileExists(atPath: path) {
        try? FileManager.default.removeItem(atPath: path + ".previous")
        try FileManager.default.moveItem(atPath: path, toPath: path + ".previous")
      }
      try encode(.begin(settings: record.settings, node: record.node, requests: record.requests)).write(
        to: URL(fileURLWithPath: path))
    } catch {
      throw ToolFailure(.cannotWrite, "\(path): cannot be written: \(Self.words(error))")
    }
  }

  /// Writes the file as `record` has it: without the half line of a run that was stopped.
  func rewrite(_ record: ComparisonRecord) throws(ToolFailure) {
    do {
      var data = try encode(.begin(settings: record.settings, node: record.node, requests: record.requests))
      for block in record.blocks { data += try encode(.block(block)) }
      for piece in record.pieces { data += try encode(.piece(piece)) }
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ToolFailure(.cannotWrite, "\(path): cannot be written: \(Self.words(error))")
    }
  }

  public func append(_ block: ComparisonBlock) throws(ToolFailure) { try append(.block(block)) }
  public func append(_ piece: ScoredPiece) throws(ToolFailure) { try append(.piece(piece)) }

  private func append(_ line: Line) throws(ToolFailure) {
    do {
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      try handle.seekToEnd()
      try handle.write(contentsOf: encode(line))
    } catch {
      throw ToolFailure(.cannotWrite, "\(path): cannot be written: \(Self.words(error))")
    }
  }

  /// Reads the file. A last line without its end is what a stopped run leaves: it is not there.
  /// - Throws: `ToolFailure` (`noInput`, `badData`).
  public func read() throws(ToolFailure) -> ComparisonRecord {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
      throw ToolFailure(.noInput, "\(path): no comparison was kept here that could be taken up")
    }
    var record: ComparisonRecord?
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, text) in lines.dropLast().enumerated() {
      guard let line = try? JSONDecoder().decode(Line.self, from: text) else {
        throw ToolFailure(.badData, "\(path), line \(number + 1): is not of a comparison of this siftctl")
      }
      switch line {
      case .begin(let settings, let node, let requests):
        record = ComparisonRecord(settings: settings, node: node, requests: requests)
      case .block(let block):
        // A pair that was measured again replaces what was left of it.
        record?.blocks.removeAll { $0.pair == block.pair && $0.policy == block.policy }
        record?.blocks.append(block)
      case .piece(let piece): record?.pieces.append(piece)
      }
    }
    guard let record, record.settings.format == ComparisonSettings.format, record.settings.policies.count == 2 else {
      throw ToolFailure(.badData, "\(path): is not a comparison of this siftctl")
    }
    return record
  }

  private func encode(_ line: Line) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(line) + Data("\n".utf8)
  }

  private static func words(_ error: any Error) -> String { (error as NSError).localizedDescription }

  /// Where a comparison is kept that is given no file: the user's folder for state.
  public static func standard(environment: [String: String]) -> ComparisonFile {
    let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    let folder = state ?? (environment["HOME"] ?? ".") + "/.local/state"
    return ComparisonFile(path: folder + "/siftctl/compare.jsonl")
  }
}
