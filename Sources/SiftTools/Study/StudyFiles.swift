// Where a study's results go: tables, plots and a report in one folder.

import HostIO
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// A folder that results are written into, file by file, each whole.
struct StudyFiles {
  let folder: String
  private(set) var written: [String] = []

  /// - Throws: `ToolFailure` (`cannotWrite`) when the folder cannot be made.
  init(folder: String) throws(ToolFailure) {
    self.folder = folder
    guard mkdirAll(folder) else {
      throw ToolFailure(.cannotWrite, "\(folder): cannot be made: \(String(cString: strerror(errno)))")
    }
  }

  mutating func write(_ name: String, _ text: String) throws(ToolFailure) {
    do { try replaceFile("\(folder)/\(name)", with: Array(text.utf8)) } catch {
      throw ToolFailure(.cannotWrite, error)
    }
    written.append(name)
  }

  /// A table as CSV and JSON.
  mutating func write(_ table: StudyTable) throws(ToolFailure) {
    try write("\(table.name).csv", table.csv)
    try write("\(table.name).json", table.json())
  }

  /// Draws a plot as SVG and PNG with gnuplot. - Returns: whether it could be drawn; the script is kept either way.
  mutating func draw(_ plot: StudyPlot) async throws(ToolFailure) -> Bool {
    try write("\(plot.name).gnuplot", plot.script)
    do {
      let result = try await run(
        .name("gnuplot"), arguments: ["\(plot.name).gnuplot"], workingDirectory: FilePath(folder),
        output: .discarded, error: .string(limit: 4096))
      guard result.terminationStatus.isSuccess else {
        StandardError.write("siftctl: gnuplot: \(result.standardError)\n")
        return false
      }
    } catch {
      return false
    }
    written.append(contentsOf: ["\(plot.name).svg", "\(plot.name).png"])
    return true
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Makes a folder and those above it.
private func mkdirAll(_ path: String) -> Bool {
  var made = path.hasPrefix("/") ? "/" : ""
  for part in path.split(separator: "/") {
    made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/" + part
    if mkdir(made, 0o755) != 0 && errno != EEXIST { return false }
  }
  return true
}
