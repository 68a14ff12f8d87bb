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

  @Option(help: ArgumentHelp("Measure the energy of this many seconds instead.", valueName: "seconds"))
  var measure: Double?

  @Option(help: ArgumentHelp("Measure this rail instead of the machine's sum; may be repeated.", valueName: "id"))
  var rail: [String] = []

  func run() async throws {
    let root = sysfs.map { SysfsRoot(path: $0) } ?? .system
    if let sysfs, root.resolve("") == nil { throw ToolFailure(.noInput, "\(sysfs): no such folder") }
    if let measure {
      guard measure.isFinite, measure > 0, measure <= 86_400 else {
        throw ToolFailure(.usage, "--measure: expected seconds above 0 and up to 86400, got \(measure)")
      }
      return try await report(EnergyMeasurement(root: root, rails: rail).run(seconds: measure))
    }
    var catalog = RailCatalog.discover(root)
    // A captured tree does not change, so only the living one is surveyed.
    if sysfs == nil && catalog.rails.contains(where: \.isUsable) {
      catalog = try await RailSurvey(root: root, clock: ContinuousClock()).run(catalog)
    }
    try StandardOutput.write(json ? try PrettyJSON.of(RailsReport(catalog)) : RailsText.of(catalog, root: root))
  }
}

extension RailsCommand {
  private func report(_ reading: EnergyReading) throws {
    if json { return try StandardOutput.write(PrettyJSON.of(EnergyReport(reading))) }
    let spread = reading.uncertainty.map { " ± " + FigureText.prefixed($0.joules, "J") } ?? ""
    let mean = FigureText.prefixed(reading.energy.joules / max(reading.elapsed.seconds, 1e-9), "W")
    try StandardOutput.write(
      """
      \(FigureText.prefixed(reading.energy.joules, "J"))\(spread) in \(FigureText.fixed(reading.elapsed.seconds, 2)) s \
      (\(mean)), \(reading.standing.rawValue), \(FigureText.fixed(reading.coverage * 100, 1)) % covered by \
      \(reading.samples) samples of \(reading.rails.isEmpty ? reading.model ?? "nothing" : reading.rails.joined(separator: " + "))

      """)
  }
}

/// One window on the rails of this machine, for a person who wants to compare them with a meter of their own.
private struct EnergyMeasurement {
  let root: SysfsRoot
  let rails: [String]

  func run(seconds: Double) async throws -> EnergyReading {
    let clock = ContinuousClock()
    let configuration = MeterConfiguration(totals: rails.isEmpty ? nil : rails)
    let meter = RailMeter(sysfs: root, clock: clock, configuration: configuration)
    for id in rails where !meter.catalog.total.contains(id) {
      throw ToolFailure(.usage, "--rail \(id): no such usable rail; siftctl rails lists them")
    }
    let loop = Task { try await meter.run() }
    defer { loop.cancel() }
    // The first sample is only a beginning.
    try await clock.sleep(for: configuration.interval * 2)
    let window = meter.open()
    try await clock.sleep(for: .seconds(seconds))
    return meter.close(window)
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
