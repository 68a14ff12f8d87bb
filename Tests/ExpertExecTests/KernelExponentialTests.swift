// The exponential against the C library's in double precision.
import CExpertKernels
import Foundation
import Testing

@Suite("The exponential")
struct KernelExponentialTests {
  /// Distance of a result from the exact value in units of the result's last place.
  private func error(_ found: Float, exactly exact: Double) -> Double {
    abs(Double(found) - exact) / Double(max(Float(exact).ulp, Float.leastNonzeroMagnitude))
  }

  private func exponentials(_ set: KernelSet, _ x: [Float]) -> [Float] {
    var out = x
    set.run.exponential(&out, x.count)
    return out
  }

  @Test("is within two units in the last place from -103 to 88.7")
  func isAccurate() throws {
    let reference = try #require(KernelSet.reference)
    let x = stride(from: Float(-103), to: 88.7, by: 0.000_731).map { $0 }
    let worst = zip(x, exponentials(reference, x)).map { error($1, exactly: exp(Double($0))) }.max() ?? .infinity
    #expect(worst <= 2)
  }

  @Test("of the baseline is within four units in the last place")
  func baselineIsAccurate() throws {
    let baseline = try #require(KernelSet.baseline)
    let x = stride(from: Float(-103), to: 88.7, by: 0.003_1).map { $0 }
    let worst = zip(x, exponentials(baseline, x)).map { error($1, exactly: exp(Double($0))) }.max() ?? .infinity
    #expect(worst <= 4)
  }

  @Test("is exact at zero, nothing far below, infinite far above, and carries a NaN", arguments: exactSets)
  func edges(set: KernelSet) {
    let x: [Float] = [0, -0.0, -.infinity, -1000, -104, 89, 1000, .infinity, .nan, 0x1p-140, -0x1p-140]
    let y = exponentials(set, x)
    #expect(y[0] == 1 && y[1] == 1 && y[9] == 1 && y[10] == 1)
    #expect(y[2] == 0 && y[3] == 0 && y[4] == 0)
    #expect(y[5] == .infinity && y[6] == .infinity && y[7] == .infinity)
    #expect(y[8].isNaN)
  }

  @Test("has the bits of the reference everywhere", arguments: exactSets)
  func agreesAcrossSets(set: KernelSet) throws {
    let reference = try #require(KernelSet.reference)
    let x = stride(from: Float(-110), to: 95, by: 0.001_3).map { $0 }
    #expect(differences(exponentials(set, x), exponentials(reference, x)).isEmpty)
  }
}
