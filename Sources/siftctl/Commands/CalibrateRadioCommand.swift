// siftctl calibrate-radio: learn what this radio's airtime and frames cost.

import ArgumentParser
import SiftTools

struct CalibrateRadioCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate-radio",
    abstract: "Learn the radio's power model from a measured rail.",
    discussion: """
      Compares, second by second, the energy of a rail with the airtime and the frames of an interface, and fits what each \
      costs, with confidence intervals; ends with the lines for siftd.toml. Let the machine rest otherwise, and vary the \
      traffic meanwhile: nothing, large and small packets, mostly sent and mostly received. A driver that counts no airtime \
      gets it from bytes and rates. Docs: docs/links.md.
      """)

  @Option(help: ArgumentHelp("The radio's interface.", valueName: "name"))
  var interface: String?

  @Option(help: ArgumentHelp("Use this rail instead of the machine's sum; may be repeated.", valueName: "id"))
  var rail: [String] = []

  @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds"))
  var seconds = 180

  @Option(help: ArgumentHelp("Keep the windows in this file.", valueName: "file"))
  var record: String?

  @Option(help: ArgumentHelp("Take the windows from such a file and measure nothing.", valueName: "file"))
  var from: String?

  func run() async throws {
    let windows = if let from { try read(from) } else { try await measure() }
    if let record { try write(windows, to: record) }
    try StandardOutput.write(try RadioRegression(windows).text())
  }

  private func read(_ path: String) throws -> [RadioWindow] {
    guard interface == nil, rail.isEmpty else {
      throw ToolFailure(.usage, "--from reads a file: --interface and --rail do not go with it")
    }
    return try RadioWindow.read(String(decoding: try InputFile.read(path), as: UTF8.self), name: path)
  }

  private func measure() async throws -> [RadioWindow] {
    guard let interface else { throw ToolFailure(.usage, "--interface NAME is missing (or --from FILE)") }
    guard (RadioRegression.least...86_400).contains(seconds) else {
      throw ToolFailure(.usage, "--seconds: expected \(RadioRegression.least) to 86400, got \(seconds)")
    }
    let bar = ProgressBar(label: "calibrate-radio", unit: "s", total: seconds)
    defer { bar.finish() }
    return try await RadioCalibration(interface: interface, rails: rail, seconds: seconds).run { bar.advance(to: $0) }
  }

  private func write(_ windows: [RadioWindow], to path: String) throws {
    try TextFile.write(RadioWindow.text(windows), to: path)
  }
}
