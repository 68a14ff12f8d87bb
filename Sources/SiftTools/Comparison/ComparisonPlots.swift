// The plots of a comparison: scripts for gnuplot, pure text, and running it.

import Foundation
import Subprocess
import SystemPackage

/// Plots of blocks over time.
public enum ComparisonPlots {
  /// A plot before it is drawn.
  public struct Script: Hashable, Sendable {
    public var caption: String
    /// For gnuplot's standard input; the data are in it.
    public var text: String
  }

  /// Joules per token of every block, the ratio of every pair, and, where it was read, the temperature.
  public static func scripts(_ record: ComparisonRecord) -> [Script] {
    let names = record.settings.policies.map { quoted($0.description) }
    var scripts = [
      Script(
        caption: "Energy per token of each block, in the order they were measured",
        text: head("block", "J per token")
          + series(
            record, names, { $0.joulesPerToken }, "set yrange [0:*]\n")),
      Script(
        caption: "Change of energy per token of each pair, second policy against first; the line is their mean",
        text: head("pair", "change in %") + ratios(record)),
    ]
    if record.blocks.contains(where: { $0.after?.temperature != nil }) {
      scripts.append(
        Script(
          caption: "Temperature at the end of each block",
          text: head("block", "°C") + series(record, names, { $0.after?.temperature }, "")))
    }
    return scripts
  }

  private static func head(_ x: String, _ y: String) -> String {
    """
    set terminal svg size 800,340 dynamic enhanced background rgb 'white' font 'sans-serif,13'
    set encoding utf8
    set grid ytics lc rgb '#dddddd'
    set border 3
    set tics nomirror
    set key outside top horizontal
    set xlabel '\(x)'
    set ylabel '\(y)'

    """
  }

  private static func series(
    _ record: ComparisonRecord, _ names: [String], _ figure: (ComparisonBlock) -> Double?, _ setting: String
  ) -> String {
    var text = setting
    for policy in 0...1 {
      text += "$policy\(policy) << end_of_data\n"
      for (number, block) in record.blocks.enumerated() where block.policy == policy {
        if let value = figure(block), value.isFinite { text += "\(number + 1) \(value)\n" }
      }
      text += "end_of_data\n"
    }
    return text + "plot $policy0 with points pt 7 ps 0.8 lc rgb '#d95f02' title \(names[0]), "
      + "$policy1 with points pt 5 ps 0.8 lc rgb '#1b9e77' title \(names[1])\n"
  }

  private static func ratios(_ record: ComparisonRecord) -> String {
    let changes = record.logRatios.map { (exp($0) - 1) * 100 }
    let mean = record.logRatios.isEmpty ? 0 : (exp(Statistics.mean(record.logRatios)) - 1) * 100
    var text = "$ratios << end_of_data\n"
    for (number, change) in changes.enumerated() { text += "\(number + 1) \(change)\n" }
    text += "end_of_data\nset xzeroaxis\nset xrange [0:\(changes.count + 1)]\n"
    return text + "plot $ratios with impulses lw 4 lc rgb '#7570b3' notitle, \(mean) lc rgb '#333333' title 'mean'\n"
  }

  /// A string of gnuplot in single quotes, in which only the quote itself is special; `enhanced` marks are taken out.
  private static func quoted(_ text: String) -> String {
    "'" + text.filter { !"'\n{}^_@&~\\".contains($0) } + "'"
  }

  /// Draws the scripts. - Throws: `ToolFailure` when gnuplot is missing or refuses.
  public static func draw(_ scripts: [Script]) async throws -> [(caption: String, svg: String)] {
    var plots: [(caption: String, svg: String)] = []
    for script in scripts { plots.append((script.caption, try await draw(script.text))) }
    return plots
  }

  /// Draws a line, so that a comparison of hours does not end in a complaint.
  /// - Throws: `ToolFailure` when nothing can be drawn here.
  public static func check() async throws {
    _ = try await draw("set terminal svg\nplot x\n")
  }

  private static func draw(_ script: String) async throws -> String {
    let advice = "install it (Debian: gnuplot-nox; `tools/deps plots`), or leave --html out"
    do {
      let result = try await Subprocess.run(
        .name("gnuplot"), input: .string(script), output: .string(limit: 8 << 20), error: .string(limit: 1 << 16))
      guard result.terminationStatus.isSuccess, result.standardOutput.contains("<svg") else {
        let words = result.standardError.split(separator: "\n").map(String.init)
        throw ToolFailure(.failure, "gnuplot drew nothing: \(words.last ?? "it gave no reason")")
      }
      return result.standardOutput
    } catch let failure as ToolFailure {
      throw failure
    } catch let error as SubprocessError {
      throw ToolFailure(.failure, "the page needs gnuplot, which cannot be run here (\(error)): \(advice)")
    }
  }
}
