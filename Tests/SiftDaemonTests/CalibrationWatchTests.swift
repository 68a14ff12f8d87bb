// The running check of the calibration, on a model whose calibration fits and on one whose does not.

import ExpertExec
import HostIO
import SiftCore
import SiftDaemon
import SiftPolicy
import SiftTestKit
import Testing

@Suite struct CalibrationWatchTests {
  /// Reads text with light odd experts skipped, measures every sample, and gives the records.
  static func records(_ damage: (inout Calibration) -> Void) throws -> (records: [JournalRecord], ratio: Double?) {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    var calibration = try Calibration(
      path: ReferenceModel.file("calibration.safetensors"), modelHash: engine.hash,
      experts: engine.description.layers.indices.map { engine.experts(layer: $0) })
    damage(&calibration)
    var records: [JournalRecord] = []
    let watch = CalibrationWatch(calibration, check: DriftCheck(memory: 256, inner: 2, outer: 3)) { records.append($0) }
    let session = try InferenceSession(
      engine: engine, options: SessionOptions(maxRows: 128, maxLogitRows: 1, cacheTokens: 128),
      selector: FixedSelector { _, _, expert, weight in
        ExpertChoice(
          target: expert % 2 == 1 && weight < 0.25 ? ExpertChoice.skip : expert, node: 0, weight: weight)
      })
    session.errorSamples = ErrorSamples(engine: engine, capacity: 64, period: 5)
    for name in ["novels", "code", "chat", "manuals", "lexicon", "scripture"] {
      let bytes = try readSmallFile(ReferenceModel.file("text/\(name).txt"), limit: 1 << 20)
      let tokens = engine.tokenizer.encode(String(decoding: bytes.suffix(8_000), as: UTF8.self), parseSpecial: true)
      for start in stride(from: 0, to: 1_024, by: 128) {
        let id = try session.open(capacity: 128)
        try session.forward([Chunk(sequence: id, tokens: tokens[start..<start + 128], wanted: .none)])
        session.close(id)
        while let sample = session.errorSamples?.take() {
          if let square = session.measure(sample, node: { _ in nil }) { watch.book(sample, square: square) }
        }
      }
    }
    #expect(watch.check.samples > 200)
    return (records, watch.check.ratio)
  }

  @Test func theShippedCalibrationFitsFreshText() throws {
    let (records, ratio) = try Self.records { _ in }
    #expect(records.isEmpty)
    let measured = try #require(ratio)
    #expect(measured > 0.4 && measured < 1.5, "\(measured)")
  }

  @Test func aCalibrationThatSaysASixteenthOfItIsAnnouncedOnce() throws {
    let (records, ratio) = try Self.records { calibration in
      for layer in calibration.layers.indices {
        let skipping = calibration.layers[layer]?.squares?.skipping ?? []
        calibration.layers[layer]?.squares?.skipping = skipping.map { $0 / 4 }
      }
    }
    let measured = try #require(ratio)
    #expect(measured > 6, "\(measured)")
    let record = try #require(records.first)
    #expect(records.count == 1 && record.messageID == MessageID.drift.rawValue && record.priority == .warning)
    #expect(
      record.message.contains("run siftctl calibrate")
        && record.fields.map { $0.name } == ["SIFT_DRIFT", "SIFT_SAMPLES"])
  }
}
