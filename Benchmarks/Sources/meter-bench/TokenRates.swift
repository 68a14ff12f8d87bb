// Tokens per second with the meter on and off, by turns.

import BenchSupport
import EnergyMeter
import ExpertExec
import Glibc
import SiftCore

/// Writes tokens in blocks, with the meter's loop and a window at work in every other one, in the order off, on, on, off.
struct TokenRates {
  /// Tokens a block: a third of a second or so. Beginning and ending the meter's loop is in it, and little; longer blocks let the
  /// machine's own changes into the pairs.
  private static let tokens = 256
  /// The model's context may be shorter than a block.
  private static let textTokens = 256
  private static let prompt = 16

  /// The mean of ln(rate on ÷ rate off) over pairs of blocks, and its standard error: of the middle three fifths, because on
  /// a machine that is shared some blocks take half as long again (trimmed mean; its error from the winsorised variance, Tukey and
  /// McLaughlin 1963).
  struct Change {
    var mean: Double
    var error: Double

    init(_ pairs: [Double]) {
      let sorted = pairs.sorted()
      let cut = pairs.count / 5
      let kept = sorted[cut..<(pairs.count - cut)]
      mean = kept.reduce(0, +) / Double(kept.count)
      let count = Double(pairs.count)
      let low = sorted[cut]
      let high = sorted[pairs.count - 1 - cut]
      let winsorised = sorted.map { min(high, max(low, $0)) }
      let middle = winsorised.reduce(0, +) / count
      let variance = winsorised.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / max(1, count - 1)
      error = (variance / count).squareRoot() / (Double(kept.count) / count)
    }

    /// Two standard errors: 95 % with sixty pairs and more.
    var fields: String {
      let percent = [mean, mean - 2 * error, mean + 2 * error].map { fixed((exp($0) - 1) * 100, 3) }
      return "\(percent[0]), \"interval\": [\(percent[1]), \(percent[2])]"
    }
  }

  struct Outcome {
    var pairs: Int
    var clock: Change
    var processor: Change
    /// Not worse than 1 %, by the clock of each core and within the interval.
    var isCheap: Bool { exp(processor.mean - 2 * processor.error) > 0.99 && exp(clock.mean - 2 * clock.error) > 0.99 }
    var line: String {
      """
      {"pairs": \(pairs), "tokens_per_block": \(TokenRates.tokens), \
      "change_of_tokens_per_second_percent": {"mean": \(clock.fields)}, \
      "change_of_tokens_per_processor_second_percent": {"mean": \(processor.fields)}}
      """
    }
  }

  private let session: InferenceSession
  private let vocabulary: Int32
  private let rounds: Int

  /// - Parameter threads: that compute.
  init(model: String, rounds: Int, threads: Int) throws {
    let engine = try Engine(folder: model, threads: threads, kernels: KernelTable.best)
    session = try InferenceSession(engine: engine)
    vocabulary = Int32(engine.description.vocabulary)
    self.rounds = rounds
  }

  func compare(_ meter: RailMeter) async throws -> Outcome {
    _ = try await block(nil)
    var clock: [Double] = []
    var processor: [Double] = []
    for round in 0..<rounds {
      let isOnFirst = round % 2 == 1
      let first = try await block(isOnFirst ? meter : nil)
      let second = try await block(isOnFirst ? nil : meter)
      let (on, off) = isOnFirst ? (first, second) : (second, first)
      clock.append(log(off.clock / on.clock))
      processor.append(log(off.processor / on.processor))
    }
    return Outcome(pairs: rounds, clock: Change(clock), processor: Change(processor))
  }

  /// Seconds of one block by the clock and of the processors.
  private func block(_ meter: RailMeter?) async throws -> (clock: Double, processor: Double) {
    let loop = meter.map { meter in Task { try await meter.run() } }
    let window = meter?.open()
    var clock = 0.0
    let processor = try processorSeconds { clock = try seconds(write) }
    if let meter, let window { _ = meter.close(window) }
    loop?.cancel()
    _ = await loop?.result
    return (clock, processor)
  }

  private func write() throws {
    for _ in 0..<Self.tokens / Self.textTokens { try writeText() }
  }

  private func writeText() throws {
    let id = try session.open(capacity: Self.prompt + Self.textTokens)
    defer { session.close(id) }
    var state: UInt32 = 12345
    func token() -> Int32 {
      state = state &* 1_664_525 &+ 1_013_904_223
      return 10 + Int32(state >> 8) % (vocabulary - 10)
    }
    let text = (0..<Self.prompt).map { _ in token() }
    try session.forward([Chunk(sequence: id, tokens: text[...], wanted: .last)])
    for _ in 0..<Self.textTokens { try session.forward([Chunk(sequence: id, token: token())]) }
  }
}
