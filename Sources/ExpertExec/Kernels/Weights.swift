// A matrix of weights where it lies in the mapped file.

import CExpertKernels

/// A row-major matrix `[rows, columns]`, or a vector as one row, that somebody else keeps alive (`Engine` holds the map).
struct Weights {
  var base: UnsafeRawPointer
  var dtype: ek_dtype
  var rows: Int
  var columns: Int

  /// Bytes of one element.
  @inline(__always) var stride: Int { dtype == EK_F32 ? 4 : 2 }
  /// The first element of row `index`.
  @inline(__always) func row(_ index: Int) -> UnsafeRawPointer { base + index * columns * stride }

  /// The cached keys or any other floats as a matrix.
  @inline(__always)
  init(floats: UnsafePointer<Float>, rows: Int, columns: Int) {
    self.init(base: UnsafeRawPointer(floats), dtype: EK_F32, rows: rows, columns: columns)
  }

  @inline(__always)
  init(base: UnsafeRawPointer, dtype: ek_dtype, rows: Int, columns: Int) {
    self.base = base
    self.dtype = dtype
    self.rows = rows
    self.columns = columns
  }
}
