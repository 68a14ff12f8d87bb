// The C kernels as Swift calls them: one immutable table of functions for one instruction set.

import CExpertKernels

/// One set of kernels. All sets but `baseline` give the same bits (`expert_kernels.h`, the canonical order).
public struct KernelTable: @unchecked Sendable, CustomStringConvertible {
  // Unchecked: the table behind the pointer is a constant of the C library; nothing ever writes to it.
  let table: UnsafePointer<ek_kernels>

  /// The best set that this processor runs.
  public static let best = KernelTable(table: ek_best())
  /// The set that defines the arithmetic; slow.
  public static let reference = KernelTable(isa: EK_REFERENCE) ?? best
  /// Every set that this processor and build have, the reference first.
  public static let available: [KernelTable] = [EK_REFERENCE, EK_BASELINE, EK_AVX2, EK_AVX512, EK_NEON]
    .compactMap { KernelTable(isa: $0) }

  private init(table: UnsafePointer<ek_kernels>) { self.table = table }

  private init?(isa: ek_isa) {
    guard let table = ek_for(isa) else { return nil }
    self.table = table
  }

  /// The set with the name `reference`, `baseline`, `avx2`, `avx512` or `neon`; nil when it is not to be had here.
  public init?(named name: String) {
    guard let found = Self.available.first(where: { $0.description == name }) else { return nil }
    self = found
  }

  /// The name of the instruction set.
  public var description: String { String(cString: ek_isa_name(table.pointee.isa)) }
  /// The name of the arithmetic: nodes that differ in it agree only to rounding.
  public var arithmetic: String { String(cString: ek_arithmetic(table)) }

  /// `y[t*ldy + r] = Σ_k w[r, k] · x[t*ldx + k]` for `r < rows`, `t < tokens`; `w` is `[rows, cols]`.
  @inline(__always)
  func matmul(
    _ weights: Weights, row first: Int = 0, _ x: UnsafePointer<Float>, ldx: Int, _ y: UnsafeMutablePointer<Float>,
    ldy: Int, rows: Int, tokens: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    table.pointee.matmul(
      weights.dtype, weights.row(first), x, ldx, y, ldy, rows, weights.columns, tokens, scratch)
  }

  /// `out[i] = x[i] / √(mean(x²) + ε) · weight[i]`, `i < weight.columns`; `out` may be `x`.
  @inline(__always)
  func rmsnorm(
    _ x: UnsafePointer<Float>, _ weight: Weights, epsilon: Float, _ out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.rmsnorm(x, weight.dtype, weight.base, epsilon, out, weight.columns)
  }
}
