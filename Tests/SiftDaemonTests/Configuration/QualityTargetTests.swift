// `policy.max-perplexity-increase`: read in words people use, turned into a budget, or refused in one line.

import ExpertExec
import SiftCore
import SiftDaemon
import Testing

@Suite("Quality target")
struct QualityTargetTests {
  private func read(_ text: String) throws -> Configuration { try Configuration(text: text, file: "siftd.toml") }
  private func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  /// A calibration of two layers with experts whose curve is Δ = Q / 2, up to Q = 0.1.
  private func calibration() throws -> Calibration {
    let layer = Calibration.Layer(
      scale: 1, counts: [1], mean: [0], rms: [0], quantile: [0], skipMean: [1], skipRMS: [1], skipQuantile: [1])
    let hash = try #require(ContentHash(bytes: [UInt8](repeating: 7, count: 32)))
    var calibration = Calibration(modelHash: hash, missRate: 0.1, tokens: 1, layers: [nil, layer, layer])
    calibration.curve = LossCurve(
      linear: 0.5, quadratic: 0, relativeError: 0,
      points: [.init(error: 0.1, lossIncrease: 0.05, standardError: 0)])
    return calibration
  }

  @Test("a percentage and a share are the same target, and the budget is a layer's")
  func budget() throws {
    for text in ["1 %", "1%", "0.01", " 1.0 % "] {
      let configuration = try read("[policy]\nmax-perplexity-increase = \"\(text)\"")
      let budget = try #require(try QualityTarget.errorBudget(configuration, calibration()))
      // Q = 2 ln 1.0095, half of it a layer.
      #expect(abs(budget - 0.0972371) < 1e-6, "\(text)")
      let live = LiveConfiguration(configuration)
      live.derive(errorBudget: budget)
      #expect(live.requestDefaults.sift.errorBudget == budget)
    }
    #expect(try QualityTarget.errorBudget(read(""), nil) == nil)
    #expect(try LiveConfiguration(read("")).requestDefaults.sift.errorBudget == Keys.policy.errorBudget.default)
  }

  @Test(
    "what is no target is refused with its line", arguments: ["nan", "0", "-1%", "one percent", "1001 %", "inf", "%"])
  func malformed(_ text: String) {
    let line = failure { _ = try read("[policy]\nmax-perplexity-increase = \"\(text)\"") }
    #expect(line.hasPrefix("siftd.toml:2: policy.max-perplexity-increase: must be such as"), "\(line)")
  }

  @Test("a policy whose budget is no error has no target")
  func otherPolicy() {
    let line = failure { _ = try read("[policy]\nname = \"des\"\nmax-perplexity-increase = \"1 %\"") }
    #expect(
      line.contains("policy.max-perplexity-increase: goes with policy.name = \"siftmoe\", not \"des\""), "\(line)")
  }

  @Test("without a curve, or beyond its end, the daemon does not start, in one line")
  func noCurve() throws {
    let configuration = try read("[policy]\nmax-perplexity-increase = \"6 %\"")
    var calibration = try calibration()
    let beyond = failure { _ = try QualityTarget.errorBudget(configuration, calibration) }
    #expect(beyond == "policy.max-perplexity-increase: \"6 %\" is beyond the calibrated curve, which ends at 5.3 %")
    calibration.curve = nil
    for missing in [calibration, nil] {
      let line = failure { _ = try QualityTarget.errorBudget(configuration, missing) }
      #expect(line.contains("has no curve from error to quality; siftctl calibrate makes one"), "\(line)")
    }
  }
}
