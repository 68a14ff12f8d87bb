// Norms, SiLU, softmax, rotation and conversions: every set against the reference, bit by bit.
import CExpertKernels
import Testing

/// One kernel on seeded inputs of size n; what it leaves behind.
struct ElementKernel: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// Set, type of the weights, first and second input of n floats.
  let run: @Sendable (KernelSet, ek_dtype, [UInt8], [Float], [Float]) -> [Float]

  static let all: [ElementKernel] = [
    ElementKernel(testDescription: "rmsnorm") { set, type, weights, x, _ in
      var out = x
      set.run.rmsnorm(x, type, weights, 1e-6, &out, x.count)
      return out
    },
    ElementKernel(testDescription: "exponential") { set, _, _, x, _ in
      var out = x
      set.run.exponential(&out, x.count)
      return out
    },
    ElementKernel(testDescription: "silu_mul") { set, _, _, x, z in
      var out = x
      set.run.silu_mul(x, z, &out, x.count)
      return out
    },
    ElementKernel(testDescription: "softmax") { set, _, _, x, _ in
      var out = x
      set.run.softmax(&out, x.count)
      return out
    },
    ElementKernel(testDescription: "rope") { set, _, _, x, z in
      var out = x
      set.run.rope(&out, z, Array(z.reversed()), x.count / 2 * 2)
      return out
    },
    ElementKernel(testDescription: "add") { set, _, _, x, z in
      var out = x
      set.run.add(&out, z, x.count)
      return out
    },
    ElementKernel(testDescription: "to_f32") { set, type, weights, x, _ in
      var out = x
      set.run.to_f32(type, weights, &out, x.count)
      return out
    },
    ElementKernel(testDescription: "to_bf16") { set, _, _, x, _ in
      var out = [UInt16](repeating: 0, count: x.count)
      set.run.to_bf16(x, &out, x.count)
      return out.map { Float(bitPattern: UInt32($0) << 16) }
    },
    ElementKernel(testDescription: "weighted_sum") { set, _, _, x, z in
      var out = x
      let v = (0..<9).flatMap { j in x.map { $0 * Float(j - 4) } }
      set.run.weighted_sum(z, v, x.count, &out, min(9, z.count), x.count)
      return out
    },
    ElementKernel(testDescription: "accumulate, merge, settle") { set, _, _, x, z in
      var sum = [Double](repeating: 0, count: x.count), other = sum, out = z
      set.run.accumulate(&sum, 0.37, x, x.count)
      set.run.accumulate(&other, -0.11, z, x.count)
      set.run.merge(&sum, other, x.count)
      set.run.settle(&out, sum, x.count)
      return out
    },
  ]
}

@Suite("Element by element")
struct KernelElementTests {
  @Test("every set gives the bits of the reference", arguments: exactSets, ElementKernel.all)
  func equalsReference(set: KernelSet, kernel: ElementKernel) throws {
    let reference = try #require(KernelSet.reference)
    for (size, type) in awkwardSizes.flatMap({ size in weightTypes.map { (size, $0) } }) {
      var seeded = SeededValues(seed: UInt64(size) + 1)
      let weights = seeded.weights(type, size), x = seeded.floats(size), z = seeded.floats(size)
      let expected = kernel.run(reference, type, weights, x, z)
      #expect(differences(kernel.run(set, type, weights, x, z), expected).isEmpty, "size \(size)")
    }
  }

  @Test("infinities and NaNs come out as from the reference", arguments: exactSets, ElementKernel.all)
  func carriesSpecials(set: KernelSet, kernel: ElementKernel) throws {
    let reference = try #require(KernelSet.reference)
    for special in [Float.infinity, -.infinity, .nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
      for place in [0, 20, 36] {
        var seeded = SeededValues(seed: 3)
        let weights = seeded.weights(EK_F32, 37)
        var x = seeded.floats(37)
        let z = seeded.floats(37)
        x[place] = special
        let expected = kernel.run(reference, EK_F32, weights, x, z)
        #expect(differences(kernel.run(set, EK_F32, weights, x, z), expected).isEmpty, "\(special) at \(place)")
      }
    }
  }

  @Test(
    "the baseline stays within 1e-5 of the reference, relative to the greatest result", arguments: ElementKernel.all)
  func baselineIsNear(kernel: ElementKernel) throws {
    let reference = try #require(KernelSet.reference), baseline = try #require(KernelSet.baseline)
    for (size, type) in awkwardSizes.flatMap({ size in weightTypes.map { (size, $0) } }) {
      var seeded = SeededValues(seed: UInt64(size) + 1)
      let weights = seeded.weights(type, size), z = seeded.floats(size)
      let x = seeded.floats(size).map { min($0, 80) }
      let expected = kernel.run(reference, type, weights, x, z)
      #expect(relativeError(kernel.run(baseline, type, weights, x, z), expected) < 1e-5, "size \(size)")
    }
  }

  @Test("softmax sums to one and keeps the order")
  func softmaxIsADistribution() throws {
    let reference = try #require(KernelSet.reference)
    var x: [Float] = [1, 3, 2, -.infinity]
    reference.run.softmax(&x, 4)
    #expect(abs(x.reduce(0, +) - 1) < 1e-6)
    #expect(x[1] > x[2] && x[2] > x[0] && x[3] == 0)
  }

  @Test("bf16 rounds to the nearest, ties to even, and a NaN stays one", arguments: exactSets)
  func bf16RoundsToEven(set: KernelSet) {
    let values: [Float] = [
      1, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-20, .greatestFiniteMagnitude, -.infinity,
      Float(bitPattern: 0x7f80_0001),
    ]
    var out = [UInt16](repeating: 0, count: values.count)
    set.run.to_bf16(values, &out, values.count)
    #expect(Array(out.prefix(6)) == [0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0xff80])
    #expect(Float(bitPattern: UInt32(out[6]) << 16).isNaN)
  }

  @Test("every half becomes the float of the same value", arguments: exactSets)
  func halvesAgree(set: KernelSet) throws {
    let reference = try #require(KernelSet.reference)
    let all = (UInt16.min...UInt16.max).map { $0 }
    var found = [Float](repeating: 0, count: all.count), expected = found
    set.run.to_f32(EK_F16, all, &found, all.count)
    reference.run.to_f32(EK_F16, all, &expected, all.count)
    #expect(differences(found, expected).isEmpty)
    #expect(differences(expected, all.map { Float(Float16(bitPattern: $0)) }).isEmpty)
  }
}
