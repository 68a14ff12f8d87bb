// What each member of a team writes for itself: one stretch of floats a member, cut into the uses that never overlap.

import CExpertKernels

/// The private buffers of the members, `members` × `stride` floats. The parts of one member's stretch:
/// scratch of the kernels, normalised rows, rows of results, scores of attention.
struct MemberArena {
  /// Most rows that every member normalises for itself instead of waiting for one another.
  static let ownRows = 4
  /// Rows of results that a member holds before it adds them up.
  static let resultRows = 64

  var base: UnsafeMutablePointer<Float>
  var stride: Int
  private var normalisedAt: Int
  private var resultsAt: Int
  private var scoresAt: Int

  /// The layout for matrices of at most `columns` columns, rows of `width`, and `scores` scores.
  init(base: UnsafeMutablePointer<Float>, columns: Int, width: Int, scores: Int) {
    self.base = base
    normalisedAt = Self.whole(ek_matmul_scratch(columns))
    resultsAt = normalisedAt + Self.whole(Self.ownRows * width)
    scoresAt = resultsAt + Self.whole(Self.resultRows * width)
    stride = scoresAt + Self.whole(scores)
  }

  /// Floats that a member's stretch takes.
  static func floats(columns: Int, width: Int, scores: Int) -> Int {
    whole(ek_matmul_scratch(columns)) + whole(ownRows * width) + whole(resultRows * width) + whole(scores)
  }

  /// Whole cache lines, and one to spare, so that members do not share any.
  private static func whole(_ floats: Int) -> Int { (floats + 31) / 16 * 16 }

  @inline(__always) func scratch(_ member: Int) -> UnsafeMutablePointer<Float> { base + member * stride }
  /// `[ownRows, width]`.
  @inline(__always) func normalised(_ member: Int) -> UnsafeMutablePointer<Float> { scratch(member) + normalisedAt }
  /// `[resultRows, width]`.
  @inline(__always) func results(_ member: Int) -> UnsafeMutablePointer<Float> { scratch(member) + resultsAt }
  @inline(__always) func scores(_ member: Int) -> UnsafeMutablePointer<Float> { scratch(member) + scoresAt }
}
