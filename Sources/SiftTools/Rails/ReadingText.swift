// One energy reading as a sentence.

import EnergyMeter
import SiftCore

/// What a window took, for people.
public enum ReadingText {
  public static func of(_ reading: EnergyReading) -> String {
    let spread = reading.uncertainty.map { " ± " + FigureText.prefixed($0.joules, "J") } ?? ""
    let mean = FigureText.prefixed(reading.energy.joules / max(reading.elapsed.seconds, 1e-9), "W")
    let rails = reading.rails.isEmpty ? reading.model ?? "nothing" : reading.rails.joined(separator: " + ")
    let sum = """
      \(FigureText.prefixed(reading.energy.joules, "J"))\(spread) in \(FigureText.fixed(reading.elapsed.seconds, 2)) s \
      (\(mean)), \(reading.standing.rawValue), \(FigureText.fixed(reading.coverage * 100, 1)) % covered by \
      \(reading.samples) samples of \(rails)

      """
    return sum + (reading.terms.map(terms) ?? "")
  }

  /// The parts of the uncertainty, largest first.
  private static func terms(_ terms: UncertaintyTerms) -> String {
    let named: [(String, Energy?)] = [
      ("steps of the sensor", terms.quantisation), ("edges and what samples miss", terms.edges), ("gain", terms.gain),
      ("zero point", terms.offset), ("idle level", terms.idle),
    ]
    let known = named.compactMap { name, term in term.map { (name, $0) } }.filter { $0.1.joules > 0 }
    guard !known.isEmpty else { return "" }
    let parts = known.sorted { $0.1 > $1.1 }.map { "\($0.0) \(FigureText.prefixed($0.1.joules, "J"))" }
    let unknown = terms.gain == nil ? "; nobody says how right the sensor's gain is" : ""
    return "Standard uncertainty: \(parts.joined(separator: ", "))\(unknown)\n"
  }
}
