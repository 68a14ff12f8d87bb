// `siftctl calibrate`: what it says, and that an interrupted run loses nothing.

import ExpertExec
import HostIO
import SiftTestKit
import SiftTools
import Synchronization
import Testing

@Suite struct CalibrateTests {
  /// A tool over two short texts that keeps a part after every window.
  static func tool(_ folder: TemporaryFolder) throws -> CalibrateTool {
    for name in ["chat", "code"] {
      let text = try SampleText.read(ReferenceModel.file("text/\(name).txt"), part: .firstHalf)
      try folder.write("\(name).txt", String(text.prefix(4_500)))
    }
    var tool = CalibrateTool(
      model: ReferenceModel.folder, texts: ["chat.txt", "code.txt"].map { folder.file($0) }, missRate: 0.2,
      output: folder.file("c"), threads: 2)
    tool.checkpointInterval = .zero
    return tool
  }

  static func bytes(_ folder: TemporaryFolder, _ name: String) throws -> [UInt8] {
    try readSmallFile(folder.file(name), limit: 1 << 22)
  }

  @Test func aRunThatIsInterruptedAnywhereEndsLikeOneThatIsNot() throws {
    let folder = try TemporaryFolder()
    let windows = Mutex(0)
    var whole = try Self.tool(folder)
    whole.onWindow = { windows.withLock { $0 += 1 } }
    _ = try whole.run()
    let expected = try Self.bytes(folder, "c")
    let total = windows.withLock { $0 }
    #expect(total >= 12)
    var said: [String] = []
    // In each of the three stages, and again and again in one run.
    for stops in [[total / 6], [total / 2], [total - 2], [2, 3, 2]] {
      var tool = try Self.tool(folder)
      tool.output = folder.file("again")
      for stop in stops {
        let left = Mutex(stop)
        tool.onWindow = { () throws(ToolFailure) in
          if left.withLock({
            $0 -= 1; return $0
          }) == 0 {
            throw ToolFailure(.failure, "stopped")
          }
        }
        #expect(throws: ToolFailure.self) { try tool.run { said.append($0) } }
        #expect(fileExists(folder.file("again.part")) && !fileExists(folder.file("again")))
      }
      tool.onWindow = {}
      _ = try tool.run { said.append($0) }
      #expect(try Self.bytes(folder, "again") == expected, "\(stops)")
      #expect(!fileExists(folder.file("again.part")))
      try removeFile(folder.file("again"))
    }
    #expect(said.count == 6 && said.allSatisfy { $0.contains("going on where") })
  }

  @Test func aPartOfAnotherRunIsNotUsed() throws {
    let folder = try TemporaryFolder()
    var tool = try Self.tool(folder)
    tool.withCurve = false
    tool.onWindow = { () throws(ToolFailure) in throw ToolFailure(.failure, "stopped") }
    #expect(throws: ToolFailure.self) { try tool.run() }
    // Other options, then a file that is no part at all.
    tool.missRate = 0.3
    tool.onWindow = {}
    var said: [String] = []
    _ = try tool.run { said.append($0) }
    let other = try Self.bytes(folder, "c")
    try folder.write("c.part", "nonsense")
    _ = try tool.run { said.append($0) }
    #expect(said.count == 2 && said.allSatisfy { $0.hasSuffix("is of another run and is not used") })
    #expect(try Self.bytes(folder, "c") == other)
  }

  @Test func aSampleTooSmallForTheQuantileIsSaid() throws {
    let folder = try TemporaryFolder()
    var tool = try Self.tool(folder)
    tool.withCurve = false
    tool.missRate = 0.001
    let lines = try tool.run()
    #expect(lines.contains { $0.contains("too small for a quantile at 0.001") && $0.contains("fewer than 999 tokens") })
    tool.missRate = 1
    #expect(throws: ToolFailure.self) { try tool.run() }
  }

  @Test func theFitFindsTheCurveThatMadeThePoints() throws {
    // Δ = 0.4 Q + 0.3 Q²; the text loses 1.1 times what the divergence says.
    let errors = [0.02, 0.05, 0.1, 0.2]
    func law(_ error: Double) -> Double { 0.4 * error + 0.3 * error * error }
    var random = SeededGenerator(seed: 71)
    let points = errors.map { error in
      (0..<200).map { _ -> WindowEffect in
        var window = WindowEffect()
        window.tokens = 1
        window.lossIncrease = 1.1 * law(error) * Double.random(in: 0...2, using: &random)
        window.divergence = law(error)
        return window
      }
    }
    let curve = try #require(CurveFit.fit(points, errors))
    #expect(abs(curve.linear / 0.44 - 1) < 0.08 && abs(curve.quadratic / 0.33 - 1) < 0.08)
    // Four levels of 200 windows with a spread of 1/√3 each.
    #expect(curve.relativeError > 0.01 && curve.relativeError < 0.04)
    #expect(curve.points.count == 4 && curve.points[3].error == 0.2)
    #expect(CurveFit.fit(points, [0.02, 0.02, 0.02, 0.02]) == nil)
    #expect(CurveFit.fit([], []) == nil)
  }
}
