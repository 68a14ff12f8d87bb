// The model, texts and calibration of a study, and one run of one policy over one channel.

import ExpertExec
import SiftCore
import SiftPolicy
import SiftSimulation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a run gives: quality and cost on the same tokens.
struct StudyOutcome: Sendable, Hashable {
  var logLoss: Double
  var predicted: Int
  var joulesPerToken: Double
  var radioPerToken: Double
  var visitsPerToken: Double
  var layersPerToken: Double
  /// Share of visits that came to nothing.
  var failed: Double
  /// Mean over tokens and layers of the mean-square error measure.
  var squareMean: Double

  init(_ quality: TextEvaluation, _ books: StudyBooks) {
    let tokens = Double(max(1, books.tokens))
    logLoss = quality.logLoss ?? .nan
    predicted = quality.predicted
    joulesPerToken = books.joulesPerToken
    radioPerToken = books.radioJoules / tokens
    visitsPerToken = Double(books.visits) / tokens
    layersPerToken = Double(books.layersWithVisit) / tokens
    failed = books.visits > 0 ? Double(books.failed) / Double(books.visits) : 0
    squareMean = books.squareMean
  }
}

/// An opened model with windows of text that calibration never saw.
final class StudyBench {
  let model: LoadedModel
  let calibration: Calibration
  let layers: [StudyLayer?]
  /// `[window]` → tokens.
  let windows: [[Int32]]
  private let session: InferenceSession
  static let window = 512
  /// Rows of a step; a step's rows are consecutive tokens, decided one after another.
  static let rows = 64

  init(model folder: String, texts: [String], calibration path: String?, threads: Int?) throws(ToolFailure) {
    model = try LoadedModel(folder: folder, threads: threads)
    calibration = try model.calibration(path)
    layers = Self.layers(model, calibration)
    var windows: [[Int32]] = []
    for path in texts {
      let tokens = model.encode(try SampleText.read(path, part: .secondHalf))
      for start in stride(from: 0, to: tokens.count, by: Self.window) where tokens.count - start >= 2 {
        windows.append(Array(tokens[start..<min(start + Self.window, tokens.count)]))
      }
    }
    guard !windows.isEmpty else { throw ToolFailure(.badData, "--text: the second halves hold fewer than two tokens") }
    self.windows = windows
    do {
      session = try InferenceSession(
        engine: model.engine,
        options: SessionOptions(maxRows: Self.rows, maxLogitRows: Self.rows, cacheTokens: Self.window),
        selector: relay)
    } catch { throw ToolFailure(.failure, error) }
  }

  /// One session serves all runs; each run brings its own selector.
  private let relay = SelectorRelay()

  private static func layers(_ model: LoadedModel, _ calibration: Calibration) -> [StudyLayer?] {
    let own = LayerMeasures(.siftmoe, model, calibration, figure: .mean)
    let others = LayerMeasures(.topk, model, calibration, figure: .mean)
    return model.experts.indices.map { index in
      guard let linear = others.linear[index], let squared = own.squares[index] else { return nil }
      return StudyLayer(linear: linear, squared: squared)
    }
  }

  /// The windows of a seed: every `step`-th, begun at the seed.
  func windows(seed: Int, step: Int) -> [[Int32]] {
    stride(from: seed % max(1, step), to: windows.count, by: max(1, step)).map { windows[$0] }
  }

  func problem(_ scenario: StudyScenario) -> TokenProblem {
    let places = scenario.experts.indices.map { place in
      ExpertPlace(experts: [], computeEnergy: scenario.computeEnergy, computeTime: scenario.computeTime)
    }
    return TokenProblem(
      routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: model.perToken),
      distance: DistanceMatrix(experts: 0, replacing: [], skipping: []), places: places,
      wakeTime: scenario.wakeTime, errorBudget: 0, latencyLimit: scenario.latency)
  }

  /// Runs a policy over a channel.
  func run(
    _ policy: StudyPolicy, knob: Double, world: any ChannelWorld, scenario: StudyScenario, windows: [[Int32]],
    seed: Int, visitEnergy: Double, progress: (Int) -> Void = { _ in }
  ) throws(ToolFailure) -> StudyOutcome {
    let decider = StudyDecider(
      policy, knob: knob, problem: problem(scenario), visitEnergy: visitEnergy, seed: UInt64(seed) &+ 1)
    let player = StudyPlayer(decider, world: world, layers: layers, scenario: scenario)
    let selector = StudySelector(player, perToken: model.perToken)
    relay.selector = selector
    defer { relay.selector = nil }
    var quality = TextEvaluation()
    do {
      for window in windows {
        quality.add(try session.evaluate(tokens: window, window: Self.window))
        progress(window.count)
      }
    } catch { throw ToolFailure(.failure, error) }
    return StudyOutcome(quality, player.books)
  }

  /// What the router says on `windows` when the model runs as it is.
  func trace(_ windows: [[Int32]]) throws(ToolFailure) -> RoutingTrace {
    let trace = RoutingTrace(layers: layers.count, perToken: model.perToken)
    relay.selector = trace
    defer { relay.selector = nil }
    do {
      for window in windows { _ = try session.evaluate(tokens: window, window: Self.window) }
    } catch { throw ToolFailure(.failure, error) }
    return trace
  }
}
