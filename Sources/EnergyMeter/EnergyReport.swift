// One energy reading as programs read it.

import SiftCore

/// A reading in JSON. What is not known is null, never 0.
public struct EnergyReport: Encodable, Sendable {
  private let reading: EnergyReading

  public init(_ reading: EnergyReading) { self.reading = reading }

  private enum Key: String, CodingKey {
    case standing, coverage, samples, rails, model, padded
    case energy = "energy_j"
    case dynamic = "dynamic_j"
    case uncertainty = "uncertainty_j"
    case dynamicUncertainty = "dynamic_uncertainty_j"
    case terms = "uncertainty_terms_j"
    case elapsed = "elapsed_s"
    case lowConfidence = "low_confidence"
  }

  private enum Term: String, CodingKey { case quantisation, edges, gain, offset, idle }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(reading.energy.joules, forKey: .energy)
    try container.encode(reading.dynamic?.joules, forKey: .dynamic)
    try container.encode(reading.uncertainty?.joules, forKey: .uncertainty)
    try container.encode(reading.dynamicUncertainty?.joules, forKey: .dynamicUncertainty)
    try encode(reading.terms, to: &container)
    try container.encode(reading.standing, forKey: .standing)
    try container.encode(reading.coverage, forKey: .coverage)
    try container.encode(reading.samples, forKey: .samples)
    try container.encode(reading.isLowConfidence, forKey: .lowConfidence)
    try container.encode(reading.isPadded, forKey: .padded)
    try container.encode(reading.rails, forKey: .rails)
    try container.encode(reading.model, forKey: .model)
    try container.encode(reading.elapsed.seconds, forKey: .elapsed)
  }

  private func encode(_ terms: UncertaintyTerms?, to container: inout KeyedEncodingContainer<Key>) throws {
    guard let terms else { return try container.encodeNil(forKey: .terms) }
    var nested = container.nestedContainer(keyedBy: Term.self, forKey: .terms)
    try nested.encode(terms.quantisation.joules, forKey: .quantisation)
    try nested.encode(terms.edges.joules, forKey: .edges)
    try nested.encode(terms.gain?.joules, forKey: .gain)
    try nested.encode(terms.offset.joules, forKey: .offset)
    try nested.encode(terms.idle.joules, forKey: .idle)
  }
}
