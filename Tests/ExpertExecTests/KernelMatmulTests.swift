// Matrix products: every set, type and awkward size against the reference, bit by bit.
import CExpertKernels
import Testing

@Suite("Matrix products")
struct KernelMatmulTests {
  @Test("give the bits of the reference for every width and number of tokens", arguments: exactSets, weightTypes)
  func equalsReference(set: KernelSet, type: ek_dtype) throws {
    let reference = try #require(KernelSet.reference)
    for cols in awkwardSizes {
      var seeded = SeededValues(seed: UInt64(cols) << 8 | UInt64(type.rawValue))
      let weights = seeded.weights(type, 21 * cols)
      for tokens in awkwardTokens {
        let x = seeded.floats(tokens * cols)
        let expected = product(reference, type, weights, x, rows: 21, cols: cols, tokens: tokens)
        let found = product(set, type, weights, x, rows: 21, cols: cols, tokens: tokens)
        #expect(differences(found, expected).isEmpty, "cols \(cols), tokens \(tokens)")
      }
    }
  }

  @Test("give the bits of the reference for every number of rows", arguments: exactSets, weightTypes)
  func equalsReferenceForRows(set: KernelSet, type: ek_dtype) throws {
    let reference = try #require(KernelSet.reference)
    var seeded = SeededValues(seed: 77)
    for rows in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100] {
      let weights = seeded.weights(type, rows * 40)
      for tokens in awkwardTokens {
        let x = seeded.floats(tokens * 40)
        let expected = product(reference, type, weights, x, rows: rows, cols: 40, tokens: tokens)
        let found = product(set, type, weights, x, rows: rows, cols: 40, tokens: tokens)
        #expect(differences(found, expected).isEmpty, "rows \(rows), tokens \(tokens)")
      }
    }
  }

  @Test("carry infinities and NaNs as the reference does", arguments: exactSets, weightTypes)
  func carriesSpecials(set: KernelSet, type: ek_dtype) throws {
    let reference = try #require(KernelSet.reference)
    var seeded = SeededValues(seed: 5)
    let weights = seeded.weights(type, 64 * 257, wild: true)
    for tokens in [1, 2, 7, 64] {
      let x = seeded.floats(tokens * 257)
      let expected = product(reference, type, weights, x, rows: 64, cols: 257, tokens: tokens)
      #expect(expected.contains { $0.isNaN } && expected.contains { $0.isFinite && $0 != -7 })
      let found = product(set, type, weights, x, rows: 64, cols: 257, tokens: tokens)
      #expect(differences(found, expected).isEmpty, "tokens \(tokens)")
    }
  }

  @Test("do not depend on how many tokens are worked on at once", arguments: exactSets)
  func tokensDoNotMatter(set: KernelSet) {
    var seeded = SeededValues(seed: 6)
    let weights = seeded.weights(EK_BF16, 32 * 200)
    let x = seeded.floats(30 * 200)
    let together = product(set, EK_BF16, weights, x, rows: 32, cols: 200, tokens: 30, gap: 0)
    let apart = (0..<30).flatMap { token in
      product(
        set, EK_BF16, weights, Array(x[token * 200..<(token + 1) * 200]), rows: 32, cols: 200, tokens: 1, gap: 0)
    }
    #expect(differences(together, apart).isEmpty)
  }

  @Test("of the baseline stay within 1e-5 of the reference, relative to the greatest result", arguments: weightTypes)
  func baselineIsNear(type: ek_dtype) throws {
    let reference = try #require(KernelSet.reference), baseline = try #require(KernelSet.baseline)
    for cols in awkwardSizes {
      var seeded = SeededValues(seed: UInt64(cols))
      let weights = seeded.weights(type, 21 * cols)
      for tokens in awkwardTokens {
        let x = seeded.floats(tokens * cols)
        let expected = product(reference, type, weights, x, rows: 21, cols: cols, tokens: tokens, gap: 0)
        let found = product(baseline, type, weights, x, rows: 21, cols: cols, tokens: tokens, gap: 0)
        #expect(relativeError(found, expected) < 1e-5, "cols \(cols), tokens \(tokens)")
      }
    }
  }

  @Test("of the reference are the sums of products")
  func referenceIsRight() throws {
    let reference = try #require(KernelSet.reference)
    var seeded = SeededValues(seed: 9)
    let x = seeded.floats(2 * 100), w = seeded.floats(5 * 100)
    let bytes = w.withUnsafeBytes { Array($0) }
    let y = product(reference, EK_F32, bytes, x, rows: 5, cols: 100, tokens: 2, gap: 0)
    for (token, row) in [(0, 0), (0, 4), (1, 2)] {
      let exact = (0..<100).reduce(0.0) { $0 + Double(w[row * 100 + $1]) * Double(x[token * 100 + $1]) }
      #expect(abs(Double(y[token * 5 + row]) - exact) < 1e-2)
    }
  }
}
