// A channel that fades as time goes on: a known truth for estimators and policies.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A flat Rician channel of unit mean power gain whose scatter has the correlation J₀(2πf_Dτ): a line of sight and a sum
/// of sinusoids with random angles of arrival and phases (Clarke's model; Pop and Beaulieu, IEEE Trans. Commun. 49,
/// 2001). A function of time: the same draws give the same gain at the same time, in any order of asking.
public struct FadingProcess: Sendable {
  /// Sinusoids of the scatter: enough that the gain's law is Rayleigh's to within a percent.
  static let paths = 32

  private let sight: Double
  private let scatter: Double
  /// Angular Doppler shift and phases of each path, rad/s and rad.
  private let shifts: [Double]
  private let phases: [Double]
  private let sightPhase: Double

  /// - Parameters:
  ///   - riceFactor: K, power of the line of sight over that of the scatter, ≥ 0.
  ///   - doppler: maximum Doppler shift in hertz, ≥ 0.
  public init(riceFactor: Double, doppler: Double, using random: inout some RandomNumberGenerator) {
    sight = (riceFactor / (riceFactor + 1)).squareRoot()
    scatter = (1 / (riceFactor + 1) / Double(Self.paths)).squareRoot()
    var shifts: [Double] = []
    var phases: [Double] = []
    for path in 0..<Self.paths {
      // Angles are spread over the circle, one in each of its parts, so that a single draw keeps the correlation.
      let angle = 2 * .pi * (Double(path) + random.unitDraw()) / Double(Self.paths)
      shifts.append(2 * .pi * doppler * cos(angle))
      phases.append(2 * .pi * random.unitDraw())
    }
    self.shifts = shifts
    self.phases = phases
    sightPhase = 2 * .pi * random.unitDraw()
  }

  /// Power gain at `time` seconds, ≥ 0, mean 1.
  public func gain(at time: Double) -> Double {
    var real = sight * cos(sightPhase)
    var imaginary = sight * sin(sightPhase)
    for path in shifts.indices {
      let phase = shifts[path] * time + phases[path]
      real += scatter * cos(phase)
      imaginary += scatter * sin(phase)
    }
    return real * real + imaginary * imaginary
  }
}
