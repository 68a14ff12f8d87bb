// A recorded channel: goodput of several links, second by second, read from a table.

/// What is wrong with a recording, and where.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Line of the file, from 1; nil for the file as a whole.
  public let line: Int?
  public let problem: String
  init(_ line: Int?, _ problem: String) {
    self.line = line
    self.problem = problem
  }
  public var description: String { line.map { "line \($0): \(problem)" } ?? problem }
}

/// Goodput of links that were measured at the same time, once a second.
///
/// The table has a header; the columns `time_s` (whole seconds, rising), `link` and `goodput_mbps` are needed,
/// `traffic_on` (1: the link was loaded, so that a goodput of 0 means that nothing got through) is used where it is there.
/// Every link of the first second has a row in every second.
public struct RecordedLinks: Sendable, Hashable {
  /// Names, in the order of the first second.
  public let links: [String]
  /// `[second][link]`: goodput in bit/s, 0 where nothing got through. Only seconds in which every link was loaded.
  public let goodput: [[Double]]
  /// Seconds of the file that are left out because some link was not loaded or not measured.
  public let leftOut: Int

  /// - Throws: `RecordingError` for a missing column, a figure that is none, seconds that do not rise, a missing second
  ///   (a gap), or a link that is not among those of the first second.
  public init(csv text: String) throws(RecordingError) {
    var reader = RowReader()
    var number = 0
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      number += 1
      if line.allSatisfy(\.isWhitespace) { continue }
      try reader.read(line.split(separator: ",", omittingEmptySubsequences: false), number)
    }
    try reader.endSecond(number)
    guard !reader.links.isEmpty else { throw RecordingError(nil, "has no rows") }
    guard !reader.kept.isEmpty else {
      throw RecordingError(nil, "has no second in which every link was loaded and measured")
    }
    links = reader.links
    goodput = reader.kept
    leftOut = reader.leftOut
  }
}

/// Reads rows and gathers them by second.
private struct RowReader {
  private(set) var links: [String] = []
  private(set) var kept: [[Double]] = []
  private(set) var leftOut = 0
  private var columns: (time: Int, link: Int, goodput: Int, traffic: Int?)?
  private var second: Int?
  private var isFirst = true
  /// `[link]` of the second at hand: nil before its row; NaN when it was not loaded or not measured.
  private var figures: [Double?] = []

  mutating func read(_ cells: [Substring], _ number: Int) throws(RecordingError) {
    guard let columns else {
      try readHeader(cells, number)
      return
    }
    func cell(_ at: Int) throws(RecordingError) -> Substring {
      guard at < cells.count else { throw RecordingError(number, "has \(cells.count) columns, too few") }
      return cells[at]
    }
    let time = try cell(columns.time)
    guard let seconds = Double(time), seconds >= 0, seconds < 1e9, seconds.rounded() == seconds else {
      throw RecordingError(number, "time_s: \"\(time)\" is no whole number of seconds")
    }
    try advance(to: Int(seconds), number)
    let goodput = try cell(columns.goodput)
    let isLoaded = try columns.traffic.map { at throws(RecordingError) in try cell(at) != "0" } ?? true
    var figure = Double.nan
    if isLoaded && !goodput.isEmpty {
      guard let megabits = Double(goodput), megabits >= 0, megabits < 1e6 else {
        throw RecordingError(number, "goodput_mbps: \"\(goodput)\" is no number of at least 0")
      }
      figure = megabits * 1e6
    }
    try put(figure, String(try cell(columns.link)), number)
  }

  private mutating func readHeader(_ cells: [Substring], _ number: Int) throws(RecordingError) {
    func column(_ name: String) -> Int? { cells.firstIndex { $0 == name } }
    func needed(_ name: String) throws(RecordingError) -> Int {
      guard let at = column(name) else { throw RecordingError(number, "the column \(name) is missing") }
      return at
    }
    columns = (
      try needed("time_s"), try needed("link"), try needed("goodput_mbps"), column("traffic_on")
    )
  }

  private mutating func advance(to seconds: Int, _ number: Int) throws(RecordingError) {
    guard let second else {
      self.second = seconds
      return
    }
    if seconds == second { return }
    guard seconds > second else {
      throw RecordingError(number, "time_s: \(seconds) comes after \(second); times must rise")
    }
    guard seconds == second + 1 else {
      throw RecordingError(number, "time_s: \(seconds) follows \(second); the seconds between are missing")
    }
    try endSecond(number)
    self.second = seconds
  }

  private mutating func put(_ figure: Double, _ link: String, _ number: Int) throws(RecordingError) {
    if let at = links.firstIndex(of: link) {
      guard figures[at] == nil else { throw RecordingError(number, "link \(link) has two rows in one second") }
      figures[at] = figure
      return
    }
    guard isFirst else { throw RecordingError(number, "link \(link) is not known: the first second has \(links)") }
    links.append(link)
    figures.append(figure)
  }

  mutating func endSecond(_ number: Int) throws(RecordingError) {
    guard !links.isEmpty else { return }
    if let missing = figures.firstIndex(where: { $0 == nil }) {
      throw RecordingError(number, "link \(links[missing]) has no row for second \(second ?? 0)")
    }
    let whole = figures.compactMap { $0 }
    if whole.contains(where: \.isNaN) { leftOut += 1 } else { kept.append(whole) }
    figures = Array(repeating: nil, count: links.count)
    isFirst = false
  }
}
