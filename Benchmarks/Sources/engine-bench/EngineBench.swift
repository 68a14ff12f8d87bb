// engine-bench MODEL [--threads N] [--rounds N] [--kernels NAME] [--only decode|prefill] [--streams N]: tokens per second
// of one stream, or of N that are written together, as one line of JSON: reading a prompt of 512 tokens, and writing 64
// after a prompt of 16; by the clock, and per processor second of all threads (for machines that others use as well).

import BenchSupport
import ExpertExec

@main
struct EngineBench {
  static let promptTokens = 512
  static let decodePrompt = 16
  static let decodeTokens = 64

  static func main() throws {
    let arguments = Arguments()
    guard let folder = arguments.words.first else {
      fail("engine-bench MODEL [--threads N] [--rounds N] [--kernels NAME] [--only decode|prefill] [--streams N]")
    }
    let threads = arguments.number("threads", or: processors())
    let rounds = arguments.number("rounds", or: 5)
    let name = arguments.text("kernels") ?? KernelTable.best.description
    guard let kernels = KernelTable(named: name) else { fail("no kernels named \(name) here") }
    let engine = try Engine(folder: folder, threads: threads, kernels: kernels)
    let bench = EngineBench(
      session: try InferenceSession(engine: engine), vocabulary: Int32(engine.description.vocabulary),
      streams: arguments.number("streams", or: 1))
    let only = arguments.text("only")
    var prefill: [Rate] = []
    var decode: [Rate] = []
    for _ in 0..<rounds {
      if only != "decode" { prefill.append(try bench.prefill()) }
      if only != "prefill" { decode.append(try bench.decode()) }
    }
    let fields = summary("prefill_512", prefill) + summary("decode", decode)
    print("{\"threads\": \(threads), \"kernels\": \"\(kernels)\", \(fields.joined(separator: ", "))}")
  }

  /// Tokens per second of the clock and of the processors.
  private struct Rate {
    var clock: Double
    var processor: Double
  }

  private static func summary(_ name: String, _ rates: [Rate]) -> [String] {
    func field(_ suffix: String, _ value: Double) -> String {
      "\"\(name)_\(suffix)\": \(value.isFinite ? fixed(value) : "null")"
    }
    return [
      field("tok_s", median(rates.map(\.clock))), field("best", rates.map(\.clock).max() ?? .nan),
      field("tok_cpu_s", median(rates.map(\.processor))),
    ]
  }

  let session: InferenceSession
  let vocabulary: Int32
  /// Streams that are written together.
  let streams: Int

  private func rate(of tokens: Int, _ body: () throws -> Void) rethrows -> Rate {
    var clock = 0.0
    let processor = try processorSeconds { clock = try seconds(body) }
    return Rate(clock: Double(tokens) / clock, processor: Double(tokens) / processor)
  }

  /// Tokens spread over the vocabulary, the same in every run.
  private func tokens(_ count: Int) -> [Int32] {
    var state: UInt32 = 12345
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return 10 + Int32(state >> 8) % (vocabulary - 10)
    }
  }

  private func prefill() throws -> Rate {
    let id = try session.open(capacity: Self.promptTokens)
    defer { session.close(id) }
    let chunk = Chunk(sequence: id, tokens: tokens(Self.promptTokens), wanted: .last)
    return try rate(of: Self.promptTokens) { try session.forward([chunk]) }
  }

  private func decode() throws -> Rate {
    let ids = try (0..<streams).map { _ in try session.open(capacity: Self.decodePrompt + Self.decodeTokens) }
    defer { for id in ids { session.close(id) } }
    let text = tokens(Self.decodeTokens + streams)
    for (stream, id) in ids.enumerated() {
      try session.forward([Chunk(sequence: id, tokens: text[stream..<stream + Self.decodePrompt], wanted: .last)])
    }
    var chunks = ids.map { Chunk(sequence: $0, token: 0) }
    return try rate(of: Self.decodeTokens * streams) {
      for step in 0..<Self.decodeTokens {
        for stream in 0..<streams { chunks[stream] = Chunk(sequence: ids[stream], token: text[step + stream]) }
        try session.forward(chunks)
      }
    }
  }
}
