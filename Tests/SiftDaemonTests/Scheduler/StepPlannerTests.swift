// Who gets how many rows of a step.

import SiftDaemon
import SiftTestKit
import Testing

@Suite("Rows of a step")
struct StepPlannerTests {
  private func plan(_ sequences: [(Int, Bool)], _ rows: Int) -> [Int] {
    StepPlanner.rows(for: sequences.map { PlannedSequence(pending: $0.0, isDecoding: $0.1) }, rows: rows)
  }

  @Test("decoding sequences come first, the rest goes evenly to prompts, and small demands leave theirs to others")
  func shares() {
    #expect(plan([(1, true), (100, false), (100, false)], 9) == [1, 4, 4])
    #expect(plan([(100, false), (2, false), (100, false)], 12) == [5, 2, 5])
    #expect(plan([(100, false)], 12) == [12])
    #expect(plan([(1, true), (1, true)], 8) == [1, 1])
    #expect(plan([], 8) == [])
  }

  @Test("no seeded demand is ever given more than it wants or the step more than it holds, and no row is left over")
  func properties() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<2_000 {
      let rows = Int.random(in: 1...32, using: &random)
      let decoding = Int.random(in: 0...rows, using: &random)
      let prompts = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        (Int.random(in: 1...50, using: &random), false)
      }
      let sequences = ((0..<decoding).map { _ in (1, true) } + prompts).shuffled(using: &random)
      let granted = plan(sequences, rows)
      let wanted = sequences.reduce(0) { $0 + $1.0 }
      #expect(zip(granted, sequences).allSatisfy { $0 >= 0 && $0 <= $1.0 })
      #expect(zip(granted, sequences).allSatisfy { !$1.1 || $0 == 1 })
      #expect(granted.reduce(0, +) == min(rows, wanted), "\(sequences) in \(rows)")
    }
  }
}

@Suite("Stop strings")
struct StopMatcherTests {
  @Test("every way to cut a text into pieces gives the same answer")
  func cuts() {
    var random = SeededGenerator(seed: 11)
    let text = "ab-abc-äbcd-ab"
    for stops in [["abcd"], ["äb"], ["c-", "bcd"], ["nothing"], ["ab-abc"]] {
      let expected = reference(text, stops)
      for _ in 0..<200 {
        var matcher = StopMatcher(stops)
        var answer = ""
        var stopped = false
        var rest = Substring(text)
        while !rest.isEmpty && !stopped {
          let piece = rest.prefix(Int.random(in: 1...3, using: &random))
          rest = rest.dropFirst(piece.count)
          let step = matcher.append(String(piece))
          answer += step.text
          stopped = step.stopped
        }
        if !stopped { answer += matcher.finish() }
        #expect(answer == expected.text)
        #expect(stopped == expected.stopped)
      }
    }
  }

  /// The slow twin: the whole text at once.
  private func reference(_ text: String, _ stops: [String]) -> (text: String, stopped: Bool) {
    let bytes = Array(text.utf8)
    let at = bytes.indices.first { at in stops.contains { bytes[at...].starts(with: $0.utf8) } }
    return (String(decoding: bytes[..<(at ?? bytes.count)], as: UTF8.self), at != nil)
  }
}
