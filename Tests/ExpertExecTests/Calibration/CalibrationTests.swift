// Quantiles, the file form of a calibration, and what is refused.

import ExpertExec
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct CalibrationTests {
  static func hash(_ byte: UInt8) throws -> ContentHash {
    try #require(ContentHash(bytes: [UInt8](repeating: byte, count: 32)))
  }

  static func calibration() throws -> Calibration {
    let table: [Float] = [0, 1.5, .infinity, 0]
    let layer = Calibration.Layer(
      scale: 2, counts: [5, 0], mean: table, rms: table, quantile: table, skipMean: [1, .infinity],
      skipRMS: [1, .infinity], skipQuantile: [1.25, .infinity],
      squares: SquareDistances(
        scale: 2.5, replacing: table, skipping: [1, .infinity], factors: [1, 0.5, 0, 1], scaled: [0, 1, .infinity, 0]),
      effect: LayerEffect(sensitivity: 0.75, sensitivityError: 0.25, amplification: 3))
    var gramLayer = layer
    gramLayer.gram = GramTable(experts: 2, products: [1, 0.5, 1, 0, -0.25, 2, 1, 1, 1])
    return Calibration(modelHash: try hash(3), missRate: 0.1, tokens: 5, layers: [nil, gramLayer])
  }

  @Test func theQuantileIsTheOneOfSplitConformalPrediction() {
    // ⌈(n+1)(1−α)⌉: of nine at α = 0.1 the ninth, of eight none.
    let nine = (1...9).map(Float.init)
    #expect(Calibration.conformalQuantile(nine.reversed(), missRate: 0.1) == 9)
    #expect(Calibration.conformalQuantile(Array(nine.dropLast()), missRate: 0.1) == .infinity)
    #expect(Calibration.conformalQuantile(nine, missRate: 0.5) == 5)
    #expect(Calibration.conformalQuantile([], missRate: 0.5) == .infinity)
    #expect(Calibration.sampleNeeded(missRate: 0.1) == 9)
    for alpha in [0.01, 0.05, 0.1, 0.2, 0.25, 0.5] {
      let needed = Calibration.sampleNeeded(missRate: alpha)
      #expect(Calibration.conformalRank(needed, missRate: alpha) <= needed)
      #expect(Calibration.conformalRank(needed - 1, missRate: alpha) > needed - 1)
    }
  }

  @Test func theQuantileCoversFreshDraws() {
    var random = SeededGenerator(seed: 41)
    var missed = 0
    let rounds = 20_000
    for _ in 0..<rounds {
      let sample = (0..<30).map { _ in Float.random(in: 0...1, using: &random) }
      if Float.random(in: 0...1, using: &random) > Calibration.conformalQuantile(sample, missRate: 0.1) { missed += 1 }
    }
    let share = Double(missed) / Double(rounds)
    // 31 exchangeable draws: the fresh one is above the 28th with a chance of 3 in 31.
    #expect(abs(share - 3.0 / 31) < 0.008)
  }

  @Test func aFileComesBackAsItWasWritten() throws {
    let folder = try TemporaryFolder()
    let calibration = try Self.calibration()
    try calibration.save(folder.file("c"))
    #expect(try Calibration(path: folder.file("c"), modelHash: Self.hash(3), experts: [0, 2]) == calibration)
    #expect(calibration.undersampled.map(\.expert) == [1])
  }

  static let curve = LossCurve(
    linear: 0.5, quadratic: 0.25, relativeError: 0.0625,
    points: [
      .init(error: 0.125, lossIncrease: 0.0625, standardError: 0.25),
      .init(error: 1, lossIncrease: 0.75, standardError: 0.5),
    ])

  @Test func theCurveIsReadBackwards() throws {
    for quadratic in [-0.2, 0, 0.25, 3] {
      var curve = Self.curve
      curve.quadratic = quadratic
      for error in [0, 0.1, 0.5, 0.99] {
        let increase = curve.lossIncrease(at: error)
        #expect(abs(try #require(curve.error(forLossIncrease: increase)) - error) < 1e-12, "k₂ = \(quadratic)")
      }
      // Beyond the last point, and beyond what a falling parabola reaches, nothing is said.
      #expect(curve.error(forLossIncrease: curve.lossIncrease(at: 1.01)) == nil)
      #expect(curve.error(forLossIncrease: 1e6) == nil && curve.error(forLossIncrease: -0.1) == nil)
      let most = curve.perplexityIncreaseMax
      #expect(curve.error(forPerplexityIncrease: most * 0.9999) != nil)
      #expect(curve.error(forPerplexityIncrease: most * 1.0001) == nil)
    }
    // 95 % of the target are aimed at.
    let error = try #require(Self.curve.error(forPerplexityIncrease: 0.02))
    #expect(abs(Self.curve.lossIncrease(at: error) - 0.018821754240587667) < 1e-15)
  }

  @Test func theCurveComesBackFromItsFileOrIsRefused() throws {
    let folder = try TemporaryFolder()
    func read() throws -> Calibration {
      try Calibration(path: folder.file("c"), modelHash: Self.hash(3), experts: [0, 2])
    }
    var calibration = try Self.calibration()
    calibration.curve = Self.curve
    try calibration.save(folder.file("c"))
    #expect(try read() == calibration)
    let damages: [(inout LossCurve) -> Void] = [
      { $0.points[0].error = 0 }, { $0.points[0].error = 1 }, { $0.points[1].lossIncrease = .nan }, { $0.points = [] },
      { $0.linear = 0 }, { $0.linear = -1 }, { $0.quadratic = .infinity }, { $0.relativeError = -1 },
    ]
    for (index, damage) in damages.enumerated() {
      var curve = Self.curve
      damage(&curve)
      calibration.curve = curve
      try calibration.save(folder.file("c"))
      #expect(throws: CalibrationError.self, "damage \(index)") { try read() }
    }
  }

  @Test func aFileOfAnotherFormatIsRefusedInWords() throws {
    let folder = try TemporaryFolder()
    var writer = SafetensorsWriter(metadata: ["format": "sift-calibration-1"])
    writer.add("layer.0.scale", shape: [1], [Float(1)])
    try writer.write(to: folder.file("old"))
    #expect {
      try Calibration(path: folder.file("old"), modelHash: Self.hash(3), experts: [2])
    } throws: {
      "\($0)".hasSuffix(
        "old: is sift-calibration-1, this version reads sift-calibration-2; run `siftctl calibrate` again")
    }
  }

  @Test func theCalibrationOfAnotherModelIsRefusedInWords() throws {
    let folder = try TemporaryFolder()
    try Self.calibration().save(folder.file("c"))
    #expect {
      try Calibration(path: folder.file("c"), modelHash: Self.hash(4), experts: [0, 2])
    } throws: {
      let line = "\($0)"
      return line.contains("was made for the model 030303030303") && line.contains("siftctl calibrate")
    }
  }

  @Test func wrongFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    func refuses(_ name: String, _ experts: [Int] = [0, 2]) throws -> Bool {
      do {
        _ = try Calibration(path: folder.file(name), modelHash: Self.hash(3), experts: experts)
        return false
      } catch let error as CalibrationError {
        return !"\(error)".contains("\n")
      }
    }
    var good = try Self.calibration()
    try good.save(folder.file("good"))
    #expect(try refuses("missing"))
    #expect(try refuses("good", [0, 3]))
    #expect(try refuses("good", [0, 2, 2]))
    try folder.write("text", "no safetensors file")
    #expect(try refuses("text"))
    let bytes = good.encoded()
    try replaceFile(folder.file("short"), with: Array(bytes.dropLast(4)))
    #expect(try refuses("short"))
    for (name, change) in Self.damages {
      var layer = try #require(good.layers[1])
      change(&layer)
      good.layers[1] = layer
      try good.save(folder.file(name))
      #expect(try refuses(name), "\(name)")
      good = try Self.calibration()
    }
  }

  static let damages: [(String, @Sendable (inout Calibration.Layer) -> Void)] = [
    ("nan", { $0.mean[1] = .nan }), ("negative", { $0.skipMean[0] = -1 }), ("diagonal", { $0.quantile[3] = 0.5 }),
    ("scale", { $0.scale = 0 }), ("infinite scale", { $0.scale = .infinity }), ("no squares", { $0.squares = nil }),
    ("square scale", { $0.squares?.scale = -1 }), ("square nan", { $0.squares?.scaled[1] = .nan }),
    ("factor", { $0.squares?.factors[1] = -0.5 }), ("infinite factor", { $0.squares?.factors[1] = .infinity }),
    ("own factor", { $0.squares?.factors[0] = 0.5 }), ("square diagonal", { $0.squares?.replacing[0] = 1 }),
    ("gram", { $0.gram = GramTable(experts: 2, products: Array(repeating: .nan, count: 9)) }),
    ("sensitivity", { $0.effect?.sensitivity = -1 }), ("amplification", { $0.effect?.amplification = .infinity }),
  ]

  @Test func aCalibratorMeasuresWhatItsDefinitionSays() throws {
    let folder = try TinyModel().make()
    let engine = try Engine(folder: folder.path)
    let tokens: [Int32] = (0..<90).map { ($0 * 37) % 250 }
    let calibrator = try Calibrator(engine: engine, missRate: 0.2, window: 40)
    try calibrator.read(tokens)
    let calibration = try calibrator.calibration()
    #expect(calibration.tokens == 90 && calibration.layers.count == 2)
    for layer in calibration.layers.compactMap({ $0 }) {
      #expect(layer.counts.reduce(0, +) == 90 * 2)
      for routed in 0..<layer.experts where layer.counts[routed] > 0 {
        for target in 0..<layer.experts where target != routed {
          let at = routed * layer.experts + target
          // A root mean square is no smaller than the mean; the triangle inequality holds for the means.
          #expect(layer.mean[at] > 0 && layer.rms[at] >= layer.mean[at] * 0.9999)
        }
      }
    }
    // A second run, in smaller memory, has the same means.
    let small = try Calibrator(engine: engine, missRate: 0.2, window: 40, memory: 4096)
    try small.read(tokens)
    #expect(try small.calibration().layers.map { $0?.mean } == calibration.layers.map { $0?.mean })
  }

  @Test func nothingReadIsNoCalibration() throws {
    let folder = try TinyModel().make()
    let calibrator = try Calibrator(engine: Engine(folder: folder.path))
    #expect(throws: SessionError.self) { try calibrator.calibration() }
    #expect(throws: SessionError.self) { try Calibrator(engine: Engine(folder: folder.path), missRate: 1) }
  }
}
