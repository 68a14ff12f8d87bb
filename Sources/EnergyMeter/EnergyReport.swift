// One energy reading as programs read it.

import SiftCore

/// A reading in JSON. What is not known is null, never 0.
public struct EnergyReport: Encodable, Sendable {
  private let reading: EnergyReading

  public init(_ reading: EnergyReading) { self.reading = reading }

  private enum Key: String, CodingKey {
    case standing, coverage, samples, rails, model
    case energy = "energy_j"
    case dynamic = "dynamic_j"
    case uncertainty = "uncertainty_j"
    case elapsed = "elapsed_s"
    case lowConfidence = "low_confidence"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(reading.energy.joules, forKey: .energy)
    try container.encode(reading.dynamic?.joules, forKey: .dynamic)
    try container.encode(reading.uncertainty?.joules, forKey: .uncertainty)
    try container.encode(reading.standing, forKey: .standing)
    try container.encode(reading.coverage, forKey: .coverage)
    try container.encode(reading.samples, forKey: .samples)
    try container.encode(reading.isLowConfidence, forKey: .lowConfidence)
    try container.encode(reading.rails, forKey: .rails)
    try container.encode(reading.model, forKey: .model)
    try container.encode(reading.elapsed.seconds, forKey: .elapsed)
  }
}
