// A deterministic engine and model for the scheduler's and the API's tests: tokens are bytes, answers are scripts.

import Dispatch
import ExpertExec
import SiftCore
import SiftDaemon
import Synchronization

/// What a fake engine did; readable from any thread.
final class EngineLog: Sendable {
  struct Step: Sendable, Equatable {
    /// Rows by sequence.
    var rows: [UInt64: Int]
    var total: Int { rows.values.reduce(0, +) }
  }
  private let state = Mutex<(steps: [Step], open: Set<UInt64>, opened: Int)>(([], [], 0))
  private let closed = AsyncStream<UInt64>.makeStream()
  private let begun = AsyncStream<UInt64>.makeStream()

  var steps: [Step] { state.withLock { $0.steps } }
  var open: Set<UInt64> { state.withLock { $0.open } }
  var opened: Int { state.withLock { $0.opened } }
  /// Sequences as they are opened; one reader.
  var openings: AsyncStream<UInt64> { begun.stream }
  /// Sequences as they are closed; one reader.
  var closings: AsyncStream<UInt64> { closed.stream }

  func append(_ step: Step) { state.withLock { $0.steps.append(step) } }
  func note(opened id: UInt64) {
    state.withLock {
      $0.open.insert(id)
      $0.opened += 1
    }
    begun.continuation.yield(id)
  }
  func note(closed id: UInt64) {
    state.withLock { _ = $0.open.remove(id) }
    closed.continuation.yield(id)
  }
}

/// Tokens are bytes and token 0 ends an answer. A prompt `say:TEXT|` is answered with TEXT; any other with letters that
/// depend on every token before, for ever. Token 255 in a chunk makes the engine refuse the step.
final class FakeEngine: TokenEngine {
  let log: EngineLog
  private let room: Int
  /// Waited for before every step, when there is one.
  private let gate: DispatchSemaphore?
  private var histories: [SequenceID: [Int32]] = [:]
  private var next: UInt64 = 1
  /// The tokens before each wanted row's next one.
  private var wanted: [[Int32]] = []
  private let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: FakeModel.vocabularySize)
  private(set) var troubles: [PeerTrouble] = []
  private let troubleOn: Int32?

  struct Refusal: Error, CustomStringConvertible {
    let description = "token 255 is poison"
  }

  /// - Parameters:
  ///   - room: sequences that may be open at once.
  ///   - troubleOn: a chunk with this token reports a peer that was late, and one that is gone.
  init(log: EngineLog, room: Int = .max, gate: DispatchSemaphore? = nil, troubleOn: Int32? = nil) {
    self.log = log
    self.room = room
    self.gate = gate
    self.troubleOn = troubleOn
  }

  deinit { row.deallocate() }

  func open(capacity: Int, choice: SiftChoice) throws -> SequenceID {
    guard histories.count < room else { throw TokenEngineError.full("no room for \(capacity) tokens") }
    let id = SequenceID(next)
    next += 1
    histories[id] = []
    log.note(opened: id.rawValue)
    return id
  }

  func close(_ id: SequenceID) -> SequenceTally {
    let history = histories.removeValue(forKey: id) ?? []
    log.note(closed: id.rawValue)
    var tally = SequenceTally()
    tally.decisions = history.count
    tally.expertsLocal = 4 * history.count
    if let troubleOn, history.contains(troubleOn) { tally.expertsLate = 1 }
    return tally
  }

  func forward(_ chunks: [Chunk]) throws {
    gate?.wait()
    troubles = []
    for chunk in chunks {
      for index in 0..<chunk.count {
        if chunk[index] == 255 { throw Refusal() }
        if chunk[index] == troubleOn {
          troubles = [
            PeerTrouble(peer: "attic", reason: "late"),
            PeerTrouble(peer: "cellar", isGone: true, reason: "out of reach"),
          ]
        }
      }
    }
    log.append(EngineLog.Step(rows: Dictionary(uniqueKeysWithValues: chunks.map { ($0.sequence.rawValue, $0.count) })))
    wanted = []
    for chunk in chunks {
      for index in 0..<chunk.count {
        histories[chunk.sequence, default: []].append(chunk[index])
        let isWanted = chunk.wanted == .all || (chunk.wanted == .last && index == chunk.count - 1)
        if isWanted { wanted.append(histories[chunk.sequence] ?? []) }
      }
    }
  }

  func logits(row index: Int) -> UnsafeBufferPointer<Float> {
    let history = wanted[index]
    let likeliest = Self.answer(to: history)
    for token in row.indices { row[token] = Self.noise(history, token) }
    row[Int(likeliest)] = 4
    return UnsafeBufferPointer(row)
  }

  private static func answer(to history: [Int32]) -> Int32 {
    let bytes = history.map { UInt8(truncatingIfNeeded: $0) }
    let mark = Array("say:".utf8)
    guard bytes.starts(with: mark), let end = bytes.firstIndex(of: UInt8(ascii: "|")) else {
      return Int32(97 + Int(hash(history, 0) % 26))
    }
    let script = bytes[mark.count..<end]
    let said = bytes.count - end - 1
    return said < script.count ? Int32(script[script.startIndex + said]) : 0
  }

  private static func noise(_ history: [Int32], _ token: Int) -> Float {
    // Only letters are likely at all, so that sampled text is text.
    (97..<123).contains(token) ? Float(hash(history, token) % 1000) / 500 : -50
  }

  private static func hash(_ history: [Int32], _ token: Int) -> UInt64 {
    var hash: UInt64 = 14_695_981_039_346_656_037
    for value in history + [Int32(token)] { hash = (hash ^ UInt64(UInt32(bitPattern: value))) &* 1_099_511_628_211 }
    return hash >> 16
  }
}

/// The model of the fake engine.
struct FakeModel: ServedModel {
  static let vocabularySize = 256
  var name = "fake"
  let identity = String(repeating: "ab", count: 32)
  var context = 512
  let vocabulary = FakeModel.vocabularySize
  let endTokens: Set<Int32> = [0]
  var hasTemplate = true

  func encode(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }

  /// The last message's content.
  func encode(_ messages: [ChatTurn]) throws(ServedModelError) -> [Int32] {
    guard hasTemplate else { throw .noTemplate }
    guard messages.last?.role == "user" else { throw .template("the last message must be the user's") }
    return encode(messages.last?.content ?? "")
  }

  func makeAssembler() -> any TokenAssembling { ByteAssembler() }
  func makeSampler(_ choice: SamplingChoice) -> any TokenSampling {
    Sampler(SamplingParameters(temperature: choice.temperature, topP: choice.topP, seed: choice.seed))
  }
}

/// Bytes to characters: incomplete ones wait.
struct ByteAssembler: TokenAssembling {
  private var pending: [UInt8] = []
  mutating func append(_ token: Int32) -> String {
    pending.append(UInt8(truncatingIfNeeded: token))
    guard let text = String(validating: pending, as: UTF8.self) else { return "" }
    pending = []
    return text
  }
  mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}

/// Books whose energy is a script: 10 J in all and 4 J above idle, measured, shared by core seconds at the end of each
/// request among those that are open.
final class FakeWindows: EnergyWindows {
  private struct State {
    var next: UInt64 = 1
    var open: [UInt64: StepWork] = [:]
    var closed: [StepWork] = []
    var steps = 0
  }
  private let state = Mutex(State())
  var stillOpen: Set<UInt64> { state.withLock { Set($0.open.keys) } }
  /// Work of closed requests, in the order of their ends.
  var activities: [StepWork] { state.withLock { $0.closed } }
  var steps: Int { state.withLock { $0.steps } }

  func open() -> UInt64 {
    state.withLock { state in
      defer { state.next += 1 }
      state.open[state.next] = StepWork()
      return state.next
    }
  }

  func work(_ window: UInt64, _ work: StepWork) { state.withLock { $0.open[window]? += work } }
  func endOfStep() { state.withLock { $0.steps += 1 } }

  func close(_ window: UInt64) -> RequestEnergy {
    state.withLock { state in
      if let work = state.open.removeValue(forKey: window) { state.closed.append(work) }
    }
    return RequestEnergy(total: 10, dynamic: 4, uncertainty: 0.5, standing: .measured)
  }
}
