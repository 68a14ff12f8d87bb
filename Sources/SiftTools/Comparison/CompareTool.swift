// Runs a comparison against a daemon.

/// The same prompts under two policies.
public struct CompareTool: Sendable {
  public var policies: [PolicySetting]
  public var prompts: [String]
  public var rounds: Int
  public var maxTokens: Int
  public var seed: UInt64
  /// Told of every answer as it comes.
  public var onRun: @Sendable (PolicyRun) -> Void = { _ in }

  /// - Precondition: two policies, at least one prompt and one round.
  public init(policies: [PolicySetting], prompts: [String], rounds: Int, maxTokens: Int, seed: UInt64 = 1) {
    precondition(policies.count == 2 && !prompts.isEmpty && rounds > 0 && maxTokens > 0)
    self.policies = policies
    self.prompts = prompts
    self.rounds = rounds
    self.maxTokens = maxTokens
    self.seed = seed
  }

  /// Makes the requests one after the other. Each policy is asked once beforehand, unmeasured, so that the first pair
  /// does not pay for cold caches and unopened connections.
  public func run(_ client: ControlClient) async throws -> (report: ComparisonReport, runs: [PolicyRun]) {
    let model = try await client.modelName()
    for policy in policies.indices {
      _ = try await ask(client, ComparisonPlan.Step(prompt: 0, round: 0, policy: policy), model, limit: 8)
    }
    let plan = ComparisonPlan(prompts: prompts.count, rounds: rounds, seed: seed)
    let bar = ProgressBar(label: "compare", unit: "answers", total: plan.steps.count)
    defer { bar.finish() }
    var runs: [PolicyRun] = []
    for step in plan.steps {
      let run = try await ask(client, step, model, limit: maxTokens)
      runs.append(run)
      onRun(run)
      bar.advance(to: runs.count)
    }
    return (try ComparisonReport(names: policies.map(\.description), runs: runs), runs)
  }

  private func ask(
    _ client: ControlClient, _ step: ComparisonPlan.Step, _ model: String, limit: Int
  ) async throws -> PolicyRun {
    var request = CompletionRequest(model: model, prompt: prompts[step.prompt], maxTokens: limit)
    request.sift = policies[step.policy]
    let start = ContinuousClock.now
    let answer = try await client.post("/v1/completions", request, as: CompletionAnswer.self)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard let run = PolicyRun(step, answer, seconds: seconds) else {
      throw ToolFailure(
        .failure, "prompt \(step.prompt + 1) under \(policies[step.policy]): the answer has no token or no books")
    }
    return run
  }
}
