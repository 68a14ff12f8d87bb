// load-bench [--model FOLDER] [--runs N]: what it costs to open a model (all checks, SHA-256, the look for NaN) beside
// reading the same bytes with read(2), and how fast its tokenizer is loaded and encodes. Medians of N runs in one process.

import BenchSupport
import ExpertExec
import Glibc

/// Reads whole files into one buffer again and again, as the fastest plain program would.
private func read(_ paths: [String], into buffer: UnsafeMutableRawBufferPointer) -> Int {
  var total = 0
  for path in paths {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { fail("cannot open \(path)") }
    defer { close(file) }
    while true {
      let got = Glibc.read(file, buffer.baseAddress, buffer.count)
      guard got > 0 else { break }
      total += got
    }
  }
  return total
}

/// The weight files of a folder.
private func weightFiles(_ folder: String) -> [String] {
  guard let directory = opendir(folder) else { fail("cannot open \(folder)") }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name.hasSuffix(".safetensors") { names.append("\(folder)/\(name)") }
  }
  return names.sorted()
}

@main
enum LoadBench {
  static func main() throws {
    let arguments = Arguments()
    let folder = arguments.text("model") ?? "../Models/sift-reference-moe"
    let runs = arguments.number("runs", or: 9)
    let files = weightFiles(folder)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var bytes = read(files, into: buffer)
    let words = (0..<20_000).map { "word \($0) of the Text, 3.14 and naïve;\n" }.joined()
    var (opens, reads, loads, encodes): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    for _ in 0..<runs {
      reads.append(seconds { bytes = read(files, into: buffer) })
      opens.append(try seconds { _ = try ModelFiles(folder: folder) })
      var tokenizer: Tokenizer?
      loads.append(try seconds { tokenizer = try Tokenizer(folder: folder) })
      encodes.append(seconds { _ = tokenizer?.encode(words) })
    }
    let rate = { (amount: Int, time: Double) in "\(fixed(Double(amount) / time / 1e6, 0)) MB/s" }
    let (opening, reading) = (median(opens), median(reads))
    print("\(folder): \(bytes) bytes of weights, \(processors()) processors, \(runs) runs")
    print(
      table([
        ["", "ms", "", "beside reading"],
        ["read(2) of the weights", fixed(reading * 1e3), rate(bytes, reading), "1.00"],
        ["model opened", fixed(opening * 1e3), rate(bytes, opening), fixed(opening / reading, 2)],
        ["tokenizer loaded", fixed(median(loads) * 1e3), "", ""],
        ["text encoded", fixed(median(encodes) * 1e3), rate(words.utf8.count, median(encodes)), ""],
      ]))
  }
}
