// The HTTP API over a fake engine, through HummingbirdTesting.

import Dispatch
import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import SiftCore
import SiftDaemon
import Synchronization
import Testing

/// A daemon's API without the daemon.
final class APIBench: Sendable {
  let log = EngineLog()
  let metrics = Metrics()
  let scheduler: Scheduler
  let responder: RouterResponder<APIContext>
  let finished: AsyncStream<GenerationSummary>

  /// - Parameters:
  ///   - gate: waited for before each step of the engine.
  init(
    model: FakeModel = FakeModel(), running: Int = 4, waiting: Int = 2, bodyLimit: Int = 100_000,
    gate: DispatchSemaphore? = nil
  ) async throws {
    let limits = SchedulerLimits(running: running, waiting: waiting, rows: 64)
    let scheduler = Scheduler(limits: limits)
    self.scheduler = scheduler
    let (finished, ended) = AsyncStream<GenerationSummary>.makeStream()
    self.finished = finished
    let (log, metrics) = (log, metrics)
    try await scheduler.start(
      Scheduler.Parts(
        makeEngine: { FakeEngine(log: log, gate: gate) }, model: model, energy: FakeWindows(), limits: limits,
        finished: { request, summary in
          metrics.count(request, summary)
          ended.yield(summary)
        }))
    let numbers = Mutex<UInt64>(1)
    responder = HTTPAPI(
      serving: HTTPAPI.Serving(
        model: model, scheduler: scheduler,
        defaults: {
          RequestDefaults(
            maxTokens: 16, sift: SiftChoice(policy: "topk", errorBudget: 0.1, latency: .milliseconds(50)))
        },
        random: {
          numbers.withLock {
            $0 += 1
            return $0
          }
        }), metrics: metrics, gauges: { [] }, report: Self.report, bodyLimit: bodyLimit, unixTime: { 1_700_000_000 }
    ).responder()
  }

  /// Runs `body` with a client and stops the engine's thread afterwards.
  func serve(_ setup: TestingSetup = .router, _ body: @Sendable (any TestClientProtocol) async throws -> Void)
    async throws
  {
    defer { scheduler.close() }
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    try await Application(responder: responder, logger: logger).test(setup, body)
  }

  @Sendable private static func report() -> StatusReport {
    StatusReport(
      version: "t", node: "n", role: "gateway", status: "s", uptime_s: 1, policy: "topk", error_budget: 0.1,
      latency_ms: 50, model: .init(name: "fake", hash: "", context: 512),
      load: .init(running: 0, waiting: 0, steps: 0, rows: 0), totals: [], peers: [],
      meter: .init(standing: "modelled", rails: []))
  }
}

extension TestClientProtocol {
  /// Posts JSON text.
  func post(_ path: String, _ body: String) async throws -> TestResponse {
    try await execute(
      uri: path, method: .post, headers: [.contentType: "application/json"], body: ByteBuffer(string: body))
  }
}

extension TestResponse {
  var text: String { String(buffer: body) }

  func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(body.readableBytesView))
  }

  var error: ErrorAnswer.Detail? { try? json(ErrorAnswer.self).error }
}

/// `{"error": …}` as a client reads it.
struct ErrorAnswer: Decodable {
  struct Detail: Decodable {
    var message: String
    var type: String
    var param: String?
    var code: String?
  }
  var error: Detail
}

/// An answer or chunk as a client reads it.
struct Answer: Decodable {
  struct Choice: Decodable {
    struct Message: Decodable {
      var role: String?
      var content: String?
    }
    var index: Int
    var text: String?
    var message: Message?
    var delta: Message?
    var finish_reason: String?
  }
  struct Usage: Decodable, Equatable {
    var prompt_tokens: Int
    var completion_tokens: Int
    var total_tokens: Int
  }
  struct Sift: Decodable {
    struct Experts: Decodable {
      var local: Int
      var late: Int
    }
    var policy: String
    var error_budget: Double
    var latency_ms: Double
    var energy_j: Double
    var energy_dynamic_j: Double?
    var energy_standing: String
    var experts: Experts
  }
  var id: String
  var object: String
  var created: Int
  var model: String
  var choices: [Choice]
  var usage: Usage?
  var sift: Sift?
}

/// The events of a stream.
enum Events {
  static func data(_ text: String) -> [String] {
    text.split(separator: "\n\n").map { String($0.dropFirst("data: ".count)) }
  }
  static func answers(_ text: String) throws -> [Answer] {
    try data(text).filter { $0 != "[DONE]" }.map { try JSONDecoder().decode(Answer.self, from: Data($0.utf8)) }
  }
}
