// How the rows of one step lie: which token, which position, which stretch of which sequence.

import SiftCore

/// A stretch of consecutive rows of one sequence that attention works on as one.
struct Span {
  var cache: CacheView
  /// First row of the step.
  var row: Int
  /// Rows, 1 ... `StepLayout.spanRows`.
  var count: Int
  /// Position of the first row in its sequence.
  var position: Int
}

/// The rows of one step, in the order of its chunks.
struct StepLayout {
  /// Most rows a span holds: enough to read each key once for many queries, few enough to share a prompt out.
  static let spanRows = 16

  let tokens: Scratch<Int32>
  let positions: Scratch<Int32>
  let spans: Scratch<Span>
  let wantedRows: Scratch<Int32>
  private(set) var rows = 0
  private(set) var spanCount = 0
  private(set) var wantedCount = 0
  /// One past the greatest position.
  private(set) var reach = 0
  /// Whether some sequence has more than one span, so that one span reads keys that another appends.
  private(set) var spansDepend = false
  /// Pairs of a query and a position it sees, over all rows.
  private(set) var pairs = 0

  init(maxRows: Int, maxLogitRows: Int) throws(SessionError) {
    tokens = try Scratch(maxRows)
    positions = try Scratch(maxRows)
    spans = try Scratch(maxRows)
    wantedRows = try Scratch(maxLogitRows)
  }

  mutating func reset() {
    (rows, spanCount, wantedCount, reach, pairs) = (0, 0, 0, 0, 0)
    spansDepend = false
  }

  /// Appends the rows of `chunk`, which continues `cache`. The sizes were checked by the caller.
  mutating func append(_ chunk: Chunk, to cache: SequenceCache) {
    let start = cache.length
    for index in 0..<chunk.count {
      tokens[rows + index] = chunk[index]
      positions[rows + index] = Int32(start + index)
    }
    for offset in stride(from: 0, to: chunk.count, by: Self.spanRows) {
      let count = min(Self.spanRows, chunk.count - offset)
      spans[spanCount] = Span(cache: cache.view, row: rows + offset, count: count, position: start + offset)
      spanCount += 1
    }
    spansDepend = spansDepend || chunk.count > Self.spanRows
    let wanted = chunk.wantedCount
    for index in chunk.count - wanted..<chunk.count {
      wantedRows[wantedCount] = Int32(rows + index)
      wantedCount += 1
    }
    rows += chunk.count
    pairs += chunk.count * (start + chunk.count)
    reach = max(reach, start + chunk.count)
  }
}
