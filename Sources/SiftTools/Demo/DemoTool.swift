// The demonstration: a gateway and two expert hosts on this machine, four prompts under two policies.

import ExpertExec
import Foundation
import HostIO

/// Starts a cluster, compares two policies on it, and keeps serving.
public struct DemoTool: Sendable {
  /// Folder of the model.
  public var model: String
  /// Folder for certificates, configurations and logs.
  public var folder: String
  /// The siftd to run.
  public var program: String
  public var policies: [PolicySetting]
  public var rounds: Int
  public var maxTokens: Int
  public var say: @Sendable (String) -> Void

  /// - Parameter say: gets the report, line by line or more, with newlines.
  public init(
    model: String, folder: String, program: String, policies: [PolicySetting], rounds: Int, maxTokens: Int,
    say: @escaping @Sendable (String) -> Void
  ) {
    self.model = URL(fileURLWithPath: model).standardizedFileURL.path
    self.folder = URL(fileURLWithPath: folder).standardizedFileURL.path
    self.program = program
    self.policies = policies
    self.rounds = rounds
    self.maxTokens = maxTokens
    self.say = say
  }

  /// Runs the demonstration.
  /// - Parameter afterwards: runs with the cluster still serving, after the report.
  /// - Throws: `ToolFailure`; where a daemon is to blame, it names the log to read.
  public func run(afterwards: @Sendable (LocalCluster) async throws -> Void) async throws {
    let ports: ReservedPorts
    do { ports = try ReservedPorts(3) } catch { throw ToolFailure(.failure, "\(error)") }
    // Nobody else is given a port before its daemon listens there.
    defer { withExtendedLifetime(ports) {} }
    let layout = try plan(ports.numbers)
    say(introduction(layout))
    try await LocalCluster.with(layout, program: program) { cluster in
      let tool = CompareTool(policies: policies, prompts: DemoPrompts.all, rounds: rounds, maxTokens: maxTokens)
      let (report, runs) = try await ControlClient.with(cluster.address) { client in
        do {
          return try await tool.run(client)
        } catch let failure as ToolFailure {
          throw ToolFailure(failure.status, "\(failure.message); the gateway's log is \(layout.log(of: 0))")
        }
      }
      say(texts(runs))
      say(report.rendered())
      try await afterwards(cluster)
    }
  }

  /// What to type to ask the cluster oneself.
  public static func invitation(_ layout: ClusterLayout) -> String {
    """

    Serving on http://127.0.0.1:\(layout.apiPort)/v1 and \(layout.socket). Try

      curl -s http://127.0.0.1:\(layout.apiPort)/v1/completions -H 'Content-Type: application/json' -d \\
        '{"model": "\(layout.modelName)", "prompt": "It was a truth which", "max_tokens": 40, "sift": {"policy": "siftmoe"}}'
      \(CommandLine.arguments.first ?? "siftctl") status --socket \(layout.socket)
      \(CommandLine.arguments.first ?? "siftctl") energy --socket \(layout.socket)

    Logs are in \(layout.folder). Ctrl-C stops all three.

    """
  }

  private func plan(_ ports: [UInt16]) throws(ToolFailure) -> ClusterLayout {
    let description: ModelDescription
    do {
      description = try ModelFamily.describe(ModelFolder(model))
    } catch {
      throw ToolFailure(.badData, "\(error)")
    }
    let experts = description.layers.indices.map { description.experts(layer: $0) }.max() ?? 0
    guard experts >= ports.count else {
      throw ToolFailure(.badData, "\(model): has \(experts) experts a layer; three nodes need three or more")
    }
    let cores = ProcessInfo.processInfo.activeProcessorCount
    var layout = ClusterLayout(
      model: model, modelName: URL(fileURLWithPath: model).lastPathComponent, experts: experts, folder: folder,
      socket: try SocketFolder.near(folder) + "/siftd.sock", ports: ports, threads: max(1, cores / 2))
    layout.extra["energy"] = ["ledger = \(ClusterLayout.quoted("\(folder)/energy.sqlite"))"]
    return layout
  }

  private func introduction(_ layout: ClusterLayout) -> String {
    var text = "\(layout.modelName) on three nodes of this machine:\n"
    for node in layout.nodes {
      text += "  \(node.name): experts \(node.experts.lowerBound) to \(node.experts.upperBound) of every layer\n"
    }
    return text + "Log files are in \(layout.folder).\n\n"
  }

  /// The first answer to every prompt under each policy.
  private func texts(_ runs: [PolicyRun]) -> String {
    var text = ""
    for (index, prompt) in DemoPrompts.all.enumerated() {
      text += "“\(Self.oneLine(prompt))”\n"
      for (policy, setting) in policies.enumerated() {
        guard let run = runs.first(where: { $0.prompt == index && $0.policy == policy && $0.round == 0 }) else {
          continue
        }
        let rate = FigureText.fixed(Double(run.tokens) / run.seconds, 1)
        text += "  \(setting) (\(rate) tokens/s): \(Self.oneLine(run.text))\n"
      }
      text += "\n"
    }
    return text
  }

  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ⏎ ")
  }
}

/// A place for sockets, whose paths may have 107 bytes at most.
public enum SocketFolder {
  /// `folder` itself when the names of sockets fit behind it, else a new folder among the temporary ones.
  public static func near(_ folder: String) throws(ToolFailure) -> String {
    if folder.utf8.count + "/host-99.notify".utf8.count < 108 { return folder }
    let temporary = FileManager.default.temporaryDirectory.path + "/siftd-\(UUID().uuidString.prefix(8))"
    do {
      try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
    } catch {
      throw ToolFailure(.cannotWrite, "\(temporary): \(error.localizedDescription)")
    }
    return temporary
  }
}
