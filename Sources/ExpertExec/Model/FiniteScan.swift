// Finds NaN and infinity in weights at the speed at which memory can be read.

import CExpertKernels

/// Looks for elements that are not finite.
package enum FiniteScan {
  /// Index of the first element that is NaN or infinite; nil when all are finite.
  ///
  /// The exponent of such an element is all ones. Adding one to the exponent of the absolute value then carries into the
  /// sign bit, so that a loop of and, add and or over the whole tensor, which compilers turn into vector instructions,
  /// tells whether there is one; only then is it looked for.
  package static func firstNotFinite(_ type: ek_dtype, _ bytes: UnsafeRawBufferPointer) -> Int? {
    switch type {
    case EK_BF16: scan(bytes, as: UInt16.self, magnitude: 0x7FFF, exponentOne: 0x0080)
    case EK_F16: scan(bytes, as: UInt16.self, magnitude: 0x7FFF, exponentOne: 0x0400)
    default: scan(bytes, as: UInt32.self, magnitude: 0x7FFF_FFFF, exponentOne: 0x0080_0000)
    }
  }

  /// - Parameters:
  ///   - magnitude: all bits but the sign.
  ///   - exponentOne: the lowest bit of the exponent.
  @inline(__always)
  private static func scan<Word: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, as word: Word.Type, magnitude: Word, exponentOne: Word
  ) -> Int? {
    let words = bytes.bindMemory(to: Word.self)
    guard let base = words.baseAddress else { return nil }
    // Blocks that stay in the first-level cache, so that the second look costs nothing.
    let block = 8192
    var start = 0
    while start < words.count {
      let end = min(start + block, words.count)
      var carries: Word = 0
      for at in start..<end { carries |= (base[at] & magnitude) &+ exponentOne }
      if carries > magnitude {
        return (start..<end).first { (base[$0] & magnitude) &+ exponentOne > magnitude }
      }
      start = end
    }
    return nil
  }
}
