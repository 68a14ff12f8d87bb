// siftctl rails: what this machine can measure, or a tree captured elsewhere.

import ArgumentParser
import EnergyMeter
import HostIO
import SiftCore
import SiftDaemon
import SiftTools

struct RailsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rails",
    abstract: "Show the power and energy rails of this machine.",
    discussion: """
      Lists the rails found under /sys (docs/formats/rails.md): what each one reads, how far it can be trusted, what it is
      a part of, and why it cannot be used if it cannot. The refresh time is measured: rails are polled for half a
      second. Rails marked with * add up to the machine. siftctl rails capture OUT.tar keeps the attributes of the rails,
      to be attached to a report.
      """,
    subcommands: [RailsShowCommand.self, RailsCaptureCommand.self], defaultSubcommand: RailsShowCommand.self)
}

/// Which tree is looked at.
struct SysfsOption: ParsableArguments {
  @Option(help: ArgumentHelp("Read a tree captured elsewhere instead of /sys.", valueName: "dir"))
  var sysfs: String?

  func root() throws(ToolFailure) -> SysfsRoot {
    let root = sysfs.map { SysfsRoot(path: $0) } ?? .system
    if let sysfs, root.resolve("") == nil { throw ToolFailure(.noInput, "\(sysfs): no such folder") }
    return root
  }
}

struct RailsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the rails (what siftctl rails does by itself).")

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var tree: SysfsOption

  @Option(help: ArgumentHelp("Take the rules and meters of this siftd.toml.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Measure the energy of this many seconds instead.", valueName: "seconds"))
  var measure: Double?

  @Option(help: ArgumentHelp("Measure this rail instead of the machine's sum; may be repeated.", valueName: "id"))
  var rail: [String] = []

  func run() async throws {
    let root = try tree.root()
    var settings = MeterConfiguration()
    var sources = tree.sysfs == nil ? MeterSources.system() : MeterSources(sysfs: root)
    if let config { try read(config, &settings, &sources) }
    if let measure {
      guard measure.isFinite, measure > 0, measure <= 86_400 else {
        throw ToolFailure(.usage, "--measure: expected seconds above 0 and up to 86400, got \(measure)")
      }
      if !rail.isEmpty { settings.totals = rail }
      return try await report(
        EnergyMeasurement(sources: sources, settings: settings, named: rail).run(seconds: measure))
    }
    var catalog = RailCatalog.discover(sources, rules: settings.rules, plausibleWatts: settings.plausibleWatts)
    if let problem = catalog.problems(settings.rules, totals: settings.totals).first {
      throw ToolFailure(.usage, "\(config ?? ""): energy.\(problem)")
    }
    // A captured tree does not change, so only the living one is surveyed.
    if tree.sysfs == nil && catalog.rails.contains(where: \.isUsable) {
      catalog = try await RailSurvey(sources, clock: ContinuousClock()).run(catalog)
    }
    try StandardOutput.write(json ? try PrettyJSON.of(RailsReport(catalog)) : RailsText.of(catalog, place: root.path))
  }

  private func read(_ file: String, _ settings: inout MeterConfiguration, _ sources: inout MeterSources) throws {
    do throws(ConfigurationErrors) {
      let configuration = try Configuration(file: file)
      settings = MeterConfiguration(configuration)
      sources.external = configuration.externalMeters
    } catch {
      throw ToolFailure(.usage, error)
    }
  }

  private func report(_ reading: EnergyReading) throws {
    if json { return try StandardOutput.write(PrettyJSON.of(EnergyReport(reading))) }
    try StandardOutput.write(ReadingText.of(reading))
  }
}

struct RailsCaptureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture", abstract: "Keep the attributes of the rails in a tar archive.",
    discussion: """
      Attribute files and the links that name their devices; no serial numbers, models or unique ids. Unpacked, the
      archive is read with siftctl rails --sysfs DIR.
      """)

  @OptionGroup var tree: SysfsOption

  @Argument(help: ArgumentHelp("The archive to write.", valueName: "out.tar"))
  var output: String

  func run() async throws {
    let outcome = RailCapture.take(try tree.root())
    for refused in outcome.refused { StandardError.write("Not readable: \(refused)\n") }
    do throws(FileError) {
      try replaceFile(output, with: outcome.bytes)
    } catch {
      throw ToolFailure(.cannotWrite, error)
    }
    StandardError.write("\(output): \(outcome.files) attributes. Look through it before you give it away.\n")
  }
}

/// One window on the rails of this machine, for a person who wants to compare them with a meter of their own.
private struct EnergyMeasurement {
  let sources: MeterSources
  let settings: MeterConfiguration
  let named: [String]

  func run(seconds: Double) async throws -> EnergyReading {
    let clock = ContinuousClock()
    let meter = RailMeter(sources: sources, clock: clock, configuration: settings)
    for id in named where !meter.catalog.total.contains(id) {
      throw ToolFailure(.usage, "--rail \(id): no such usable rail; siftctl rails lists them")
    }
    let loop = Task { try await meter.run() }
    defer { loop.cancel() }
    // The first sample is only a beginning.
    try await clock.sleep(for: settings.interval * 2)
    let window = meter.open()
    try await clock.sleep(for: .seconds(seconds))
    // At once: whoever compares with a meter of their own wants the window to end when the command does.
    return meter.close(window)
  }
}
