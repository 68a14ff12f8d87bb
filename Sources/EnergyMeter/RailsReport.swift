// What `siftctl rails` prints: the catalog as docs/formats describe it.

import HostIO
import SiftCore

/// The output of `siftctl rails --json`. A figure that could not be had is null, never 0.
public struct RailsReport: Encodable, Sendable {
  public var rails: [Row]
  /// Ids whose sum is the best figure for the whole machine.
  public var total: [String]

  /// One rail.
  public struct Row: Encodable, Sendable {
    public var id: String
    public var source: String
    public var name: String
    public var label: String?
    public var kind: String
    public var parent: String?
    public var standing: String
    public var usable: Bool
    public var why: String?
    public var powerWatts: Double?
    public var energyJoules: Double?
    public var resolutionWatts: Double?
    public var refreshSeconds: Double?

    enum CodingKeys: String, CodingKey {
      case id, source, name, label, kind, parent, standing, usable, why
      case powerWatts = "power_w"
      case energyJoules = "energy_j"
      case resolutionWatts = "resolution_w"
      case refreshSeconds = "refresh_s"
    }

    /// Written out, because the synthesized form leaves nil keys away.
    public func encode(to encoder: any Encoder) throws {
      var row = encoder.container(keyedBy: CodingKeys.self)
      try row.encode(id, forKey: .id)
      try row.encode(source, forKey: .source)
      try row.encode(name, forKey: .name)
      try row.encode(label, forKey: .label)
      try row.encode(kind, forKey: .kind)
      try row.encode(parent, forKey: .parent)
      try row.encode(standing, forKey: .standing)
      try row.encode(usable, forKey: .usable)
      try row.encode(why, forKey: .why)
      try row.encode(powerWatts, forKey: .powerWatts)
      try row.encode(energyJoules, forKey: .energyJoules)
      try row.encode(resolutionWatts, forKey: .resolutionWatts)
      try row.encode(refreshSeconds, forKey: .refreshSeconds)
    }
  }

  public init(_ catalog: RailCatalog) {
    rails = catalog.rails.map { rail in
      Row(
        id: rail.id, source: rail.source.rawValue, name: rail.name, label: rail.label, kind: rail.kind.rawValue,
        parent: rail.parent, standing: rail.standing.rawValue, usable: rail.isUsable, why: rail.problem?.rawValue,
        powerWatts: rail.power?.watts, energyJoules: rail.energy?.joules, resolutionWatts: rail.resolution?.watts,
        refreshSeconds: rail.refresh?.seconds)
    }
    total = catalog.total
  }
}
