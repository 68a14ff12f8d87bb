// siftctl rails: what this machine can measure, or a tree captured elsewhere.

import ArgumentParser
import EnergyMeter
import HostIO
import SiftCore
import SiftTools

struct RailsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rails",
    abstract: "Show the power and energy rails of this machine.",
    discussion: """
      Lists the rails found under /sys (docs/formats/rails.md): what each one reads, how far it can be trusted, what it is
      a part of, and why it cannot be used if it cannot. The refresh time is measured: rails are polled for half a
      second. Rails marked with * add up to the machine.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("Read a tree captured elsewhere instead of /sys.", valueName: "dir"))
  var sysfs: String?

  func run() async throws {
    let root = sysfs.map { SysfsRoot(path: $0) } ?? .system
    if let sysfs, root.resolve("") == nil { throw ToolFailure(.noInput, "\(sysfs): no such folder") }
    var catalog = RailCatalog.discover(root)
    // A captured tree does not change, so only the living one is surveyed.
    if sysfs == nil && catalog.rails.contains(where: \.isUsable) {
      catalog = try await RailSurvey(root: root, clock: ContinuousClock()).run(catalog)
    }
    try StandardOutput.write(json ? try PrettyJSON.of(RailsReport(catalog)) : RailsText.of(catalog, root: root))
  }
}

/// The table for people.
private enum RailsText {
  static func of(_ catalog: RailCatalog, root: SysfsRoot) -> String {
    guard !catalog.rails.isEmpty else {
      return "No power or energy rail under \(root.path). Joules will be modelled, and labelled so.\n"
    }
    var table = Table([
      ("", .left), ("rail", .left), ("kind", .left), ("standing", .left), ("power", .right), ("energy", .right),
      ("step", .right), ("refresh", .right), ("problem", .left),
    ])
    for rail in catalog.rails {
      table.add([
        catalog.total.contains(rail.id) ? "*" : "", rail.id, rail.kind.rawValue, rail.standing.rawValue,
        rail.power.map { FigureText.prefixed($0.watts, "W") } ?? "–",
        rail.energy.map { FigureText.prefixed($0.joules, "J") } ?? "–",
        rail.resolution.map { FigureText.prefixed($0.watts, "W") } ?? "–",
        rail.refresh.map { FigureText.prefixed($0.seconds, "s") } ?? "–", rail.problem?.rawValue ?? "",
      ])
    }
    return table.rendered() + remarks(catalog)
  }

  private static func remarks(_ catalog: RailCatalog) -> String {
    var text = ""
    if catalog.total.isEmpty {
      text += "No rail or sum of rails stands for the whole machine: joules will be modelled, and labelled so.\n"
    }
    if catalog.rails.contains(where: { $0.problem == .permission }) {
      text += """
        Some rails may be read by root only (energy_uj has been since kernel 5.10). To let a group read them, as root:
          chgrp GROUP /sys/class/powercap/*/energy_uj && chmod g+r /sys/class/powercap/*/energy_uj

        """
    }
    return text
  }
}
