// Studies: tables, what is read off curves, and whole small studies on the reference model.

import HostIO
import SiftPolicy
import SiftSimulation
import SiftTestKit
import SiftTools
import Testing

@Suite struct StudyTests {
  @Test func aSavingIsReadBetweenTheSettingThatKeepsTheTargetAndTheOneThatDoesNot() {
    var curve = StudyCurve()
    curve.add(increase: 0, saving: 0)
    curve.add(increase: 0.5, saving: 20)
    curve.add(increase: 1.5, saving: 40)
    #expect(curve.saving(at: 1) == 30)
    #expect(curve.saving(at: 0.5) == 20)
    #expect(curve.saving(at: 5) == 40)
    #expect(curve.saving(at: -1) == nil)
  }

  @Test func aSettingThatLosesNothingCountsWhereverItStands() {
    var curve = StudyCurve()
    curve.add(increase: 0, saving: 0)
    curve.add(increase: -0.2, saving: 12)
    curve.add(increase: 3, saving: 9)
    #expect(curve.saving(at: 1) == 12)
  }

  @Test func tablesQuoteWhatCSVWouldSplitAndLeaveUnknownFiguresEmpty() throws {
    var table = StudyTable("t", ["a", "b", "c"])
    table.add([.text("x,\"y\""), .number(.nan), .count(3)])
    table.add([.none, .number(0.5), .text("plain")])
    #expect(table.csv == "a,b,c\n\"x,\"\"y\"\"\",,3\n,0.5,plain\n")
    #expect(try table.json().contains("\"b\" : null"))
  }

  @Test func theStandardClusterHoldsEveryExpertOnceAndWithReplicasTwiceOutside() {
    for (nodes, replicas) in [(2, 1), (4, 2), (10, 1), (1, 1)] {
      let places = StudyScenario.spread(experts: [16, 0, 8], nodes: nodes, replicas: replicas)
      #expect(places.count == nodes + 1)
      for (layer, count) in [16, 0, 8].enumerated() {
        var hosts = Array(repeating: 0, count: count)
        for place in places { for expert in place[layer] { hosts[expert] += 1 } }
        let local = count * 3 / 8
        #expect(hosts.enumerated().allSatisfy { $0.element == ($0.offset < local ? 1 : replicas) })
      }
    }
  }

  private func tool(_ kinds: [StudyKind], _ folder: TemporaryFolder, texts: [String] = ["code"]) -> StudyTool {
    var tool = StudyTool(
      kinds: kinds, model: ReferenceModel.folder, texts: texts.map { "\(ReferenceModel.folder)/text/\($0).txt" },
      output: folder.path + "/study")
    tool.seeds = 1
    tool.stride = 8
    tool.policies = ["siftmoe", "random"]
    tool.threads = 1
    tool.command = "siftctl study"
    return tool
  }

  @Test func aQualityStudyIsRepeatableAndDearerErrorMeansMoreVisits() async throws {
    let folder = try TemporaryFolder()
    let tool = tool([.quality], folder)
    let files = try await tool.run()
    #expect(files.contains("quality-points.csv") && files.contains("report.md"))
    let path = folder.path + "/study/quality-points.csv"
    let first = try InputFile.read(path)
    _ = try await tool.run()
    #expect(try InputFile.read(path) == first)
    let rows = String(decoding: first, as: UTF8.self).split(separator: "\n").map { $0.split(separator: ",") }
    for channel in ["slow", "fast"] {
      let visits = rows.filter { $0[0] == channel && $0[1] == "siftmoe" }.compactMap { Double($0[8]) }
      #expect(visits.count == 7)
      #expect(zip(visits, visits.dropFirst()).allSatisfy { $0 > $1 })
    }
    let report = String(decoding: try InputFile.read(folder.path + "/study/report.md"), as: UTF8.self)
    #expect(report.contains("Aim at +1 %"))
  }

  @Test func sweepsSaveMoreTheMoreErrorIsAllowedAndNeverLessThanTopK() async throws {
    let folder = try TemporaryFolder()
    var tool = tool([.sweeps], folder)
    tool.stride = 12
    let files = try await tool.run()
    #expect(files.contains("sweeps.csv") && files.contains("sweep-doppler-x-age-fast.gnuplot"))
    #expect(!files.contains("sweep-doppler-x-age-slow.gnuplot"))
    let rows = String(decoding: try InputFile.read(folder.path + "/study/sweeps.csv"), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    // Seven budgets, five bandwidths, six deadlines, five numbers of nodes and six levels on two channels, five products
    // on one; for two policies and Top-K.
    #expect(rows.count == (29 * 2 + 5) * 3)
    for channel in ["slow", "fast"] {
      let own = rows.filter { $0[0] == "error budget" && $0[3] == channel && $0[4] == "siftmoe" }
      let savings = own.compactMap { Double($0[7]) }
      let limits = own.compactMap { Double($0[8]) }
      #expect(savings.count == 7 && zip(savings, savings.dropFirst()).allSatisfy { $0 <= $1 })
      #expect((savings.last ?? 0) > 40)
      #expect(limits.count == 7 && abs(limits[6] - limits[0] - 0.04) < 1e-9)
    }
    for row in rows {
      let saving = try #require(Double(row[7]))
      #expect(row[4] == "topk" ? saving == 0 : (0..<100).contains(saving))
    }
    let report = String(decoding: try InputFile.read(folder.path + "/study/report.md"), as: UTF8.self)
    #expect(
      report.contains("### deadline, fast")
        && report.contains("Nobody saves more than siftmoe anywhere (by 0.05 points)."))
  }

  @Test func thePapersFindingsComeOutInKind() async throws {
    let folder = try TemporaryFolder()
    _ = try await tool([.paper], folder).run()
    let rows = String(decoding: try InputFile.read(folder.path + "/study/paper-budgets.csv"), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    for shape in PaperShape.all {
      let own = rows.filter {
        $0[0] == shape.name && $0[1] == "siftmoe-token" && Double($0[4]) == shape.bandwidth
          && Double($0[5]) == shape.deadline
      }
      let joules = own.compactMap { Double($0[6]) }
      #expect(joules.count == 7)
      // Energy falls as the budget grows.
      #expect(zip(joules, joules.dropFirst()).allSatisfy { $0 >= $1 })
    }
    let slots = String(decoding: try InputFile.read(folder.path + "/study/paper-slots.csv"), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
    #expect(slots.count == 12)
    for row in slots { #expect(row[2] <= row[3]) }
  }

  @Test(arguments: ["--policies", "--seeds", "--stride", "no-such.csv"])
  func whatCannotBeStudiedIsRefusedByName(name: String) async throws {
    let folder = try TemporaryFolder()
    var tool = tool([.quality], folder)
    switch name {
    case "--policies": tool.policies = ["siftmore"]
    case "--seeds": tool.seeds = 0
    case "--stride": tool.stride = 1000
    default: tool.recording = name
    }
    do {
      _ = try await tool.run()
      Issue.record("nothing was refused")
    } catch { #expect(error.message.contains(name)) }
  }
}
