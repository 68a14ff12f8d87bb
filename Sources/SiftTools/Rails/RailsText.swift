// siftctl rails for people: a table of the rails, and under it what is odd about them and what mends it.

import EnergyMeter
import HostIO
import SiftCore

/// The table of a catalog.
public enum RailsText {
  /// - Parameter place: where the rails were looked for.
  public static func of(_ catalog: RailCatalog, place: String) -> String {
    guard !catalog.rails.isEmpty else {
      return """
        No power or energy rail under \(place). Joules will be modelled, and labelled so. An outside meter can be read with
        meters = ["NAME=command:PROGRAM"] under [energy] in siftd.toml.

        """
    }
    var table = Table([
      ("", .left), ("rail", .left), ("kind", .left), ("in", .left), ("standing", .left), ("power", .right),
      ("energy", .right), ("step", .right), ("refresh", .right), ("problem", .left),
    ])
    for rail in catalog.rails { table.add(cells(rail, catalog)) }
    return table.rendered() + remarks(catalog)
  }

  private static func cells(_ rail: Rail, _ catalog: RailCatalog) -> [String] {
    [
      catalog.total.contains(rail.id) ? "*" : "", rail.id, rail.kind.rawValue,
      rail.parent.flatMap { catalog.rail($0) }.map { $0.label ?? $0.name } ?? "", rail.standing.rawValue,
      rail.power.map { FigureText.prefixed($0.watts, "W") } ?? "–",
      rail.energy.map { FigureText.prefixed($0.joules, "J") } ?? "–",
      rail.resolution.map { FigureText.prefixed($0.watts, "W") } ?? "–",
      rail.refresh.map { FigureText.prefixed($0.seconds, "s") } ?? "–", rail.problem?.rawValue ?? "",
    ]
  }

  private static func remarks(_ catalog: RailCatalog) -> String {
    var lines: [String] = []
    if catalog.total.isEmpty {
      lines.append(
        "No rail or sum of rails stands for the whole machine: joules will be modelled, and labelled so. If you know better,"
      )
      lines.append("name the rails in siftd.toml: rails = [\"ID\", …] under [energy].")
    }
    if let note = catalog.note { lines.append("\(note).") }
    lines += advice(catalog)
    return lines.map { $0 + "\n" }.joined()
  }

  /// Each advice once, with the rails that it is for.
  private static func advice(_ catalog: RailCatalog) -> [String] {
    var order: [String] = []
    var rails: [String: [Rail]] = [:]
    for rail in catalog.rails where rail.problem != .notConnected {
      guard let advice = rail.advice else { continue }
      if rails[advice] == nil { order.append(advice) }
      rails[advice, default: []].append(rail)
    }
    return order.flatMap { advice -> [String] in
      let concerned = rails[advice] ?? []
      return ["", "\(concerned.map { "\($0.id): \($0.problem?.rawValue ?? "")" }.joined(separator: ", "))"]
        + concerned.compactMap(\.detail).prefix(3).map { "  \($0)" } + ["  " + advice.replacing("\n", with: "\n  ")]
    }
  }
}
