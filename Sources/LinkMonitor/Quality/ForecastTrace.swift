// Recorded links, second by second, for judging forecasts.

import SiftCore

/// Seconds of several links, read from text with commas between fields and a line of heads.
public enum ForecastTrace {
  /// One second of one link.
  public struct Row: Sendable, Hashable {
    public var time: Int
    public var link: String
    /// Something was sent in this second.
    public var isBusy: Bool
    public var sample: GoodputSample
  }

  /// What is wrong with a file, and where.
  public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    public var line: Int
    public var what: String
    public var description: String { "line \(line): \(what)" }
  }

  private static let columns = ["time_s", "link", "rssi_dbm", "phy_rate_mbps", "goodput_mbps", "traffic_on"]

  /// Reads the columns `time_s`, `link`, `rssi_dbm`, `phy_rate_mbps`, `goodput_mbps` and `traffic_on`, wherever they stand;
  /// others are skipped. An empty field of signal or rate was not measured.
  public static func rows(_ text: String) throws(Problem) -> [Row] {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let heads = (lines.first ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    var places: [Int] = []
    for column in columns {
      guard let place = heads.firstIndex(of: column) else {
        throw Problem(line: 1, what: "no column \(column); needed are \(columns.joined(separator: ", "))")
      }
      places.append(place)
    }
    var rows: [Row] = []
    for (number, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      rows.append(try row(line, places, number + 1))
    }
    return rows
  }

  private static func row(_ line: Substring, _ places: [Int], _ number: Int) throws(Problem) -> Row {
    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
    guard let last = places.max(), fields.count > last else {
      throw Problem(line: number, what: "expected more than \(places.max() ?? 0) fields, got \(fields.count)")
    }
    func field(_ column: Int) -> Substring { fields[places[column]] }
    func figure(_ column: Int) throws(Problem) -> Double? {
      if field(column).isEmpty { return nil }
      guard let value = Double(field(column)), value.isFinite else {
        throw Problem(line: number, what: "\(columns[column]): expected a number, got “\(field(column))”")
      }
      return value
    }
    guard let time = try figure(0), let goodput = try figure(4), time >= 0, time < 1e9, goodput >= 0 else {
      throw Problem(line: number, what: "time and goodput must be there and not negative")
    }
    // Below −99 dBm the recorder wrote that it heard nothing.
    let signal = try figure(2).flatMap { $0 > -99 ? DecibelMilliwatts($0) : nil }
    let rate = try figure(3).flatMap { $0 > 0 ? $0 * 1e6 : nil }
    return Row(
      time: Int(time), link: String(field(1)), isBusy: field(5) == "1",
      sample: GoodputSample(goodput: goodput * 1e6, rate: rate, signal: signal))
  }

  /// The rows of each link, by name.
  static func byLink(_ rows: [Row]) -> [(name: String, rows: [Row])] {
    Dictionary(grouping: rows, by: \.link)
      .map { (name: $0.key, rows: $0.value.sorted { $0.time < $1.time }) }.sorted { $0.name < $1.name }
  }
}
