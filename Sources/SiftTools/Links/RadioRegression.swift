// The radio's power model learned: a rail's energy as a sum of what time, airtime and frames cost, by least squares.

import LinkMonitor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// E = P₀·T + P_tx·τ_tx + P_rx·τ_rx + e_x·frames (P. Serrano et al., IEEE/ACM Transactions on Networking 23(5), 2015), fitted to
/// windows. Frames cost the host the same whatever their size, which is why bytes are no term of it.
public struct RadioRegression: Sendable, Hashable {
  /// What is fitted.
  public enum Term: String, Sendable, Hashable, CaseIterable {
    case idle, send, receive, frame

    public var unit: String { self == .frame ? "J" : "W" }
    public var words: String {
      switch self {
      case .idle: "at rest, everything on the rail"
      case .send: "sending, above that"
      case .receive: "receiving, above that"
      case .frame: "a frame, sent or received"
      }
    }
    fileprivate func regressor(_ window: RadioWindow) -> Double {
      switch self {
      case .idle: window.seconds
      case .send: window.sending
      case .receive: window.receiving
      case .frame: window.frames
      }
    }
  }

  /// Coefficients with their 95 % intervals. A term that the windows cannot tell from the others is missing.
  public private(set) var coefficients: [Term: Estimate] = [:]
  /// Terms that hardly vary, or only together with others.
  public private(set) var untold: [Term] = []
  public let windows: Int
  /// Share of the variance of the power that is explained, 0…1.
  public private(set) var explained = 0.0
  /// Standard deviation of what is not, in watts.
  public private(set) var residual = 0.0

  /// Fewest windows.
  public static let least = 12

  /// - Throws: `ToolFailure(.badData)` with fewer than `least` windows, or when not even the rest can be told.
  public init(_ windows: [RadioWindow]) throws(ToolFailure) {
    self.windows = windows.count
    guard windows.count >= Self.least else {
      throw ToolFailure(.badData, "\(windows.count) windows are too few: at least \(Self.least) are needed")
    }
    // Divided by its length every window weighs the same, and the constant is the power at rest.
    let power = windows.map { $0.joules / $0.seconds }
    var terms = Term.allCases
    var columns = terms.map { term in windows.map { term.regressor($0) / $0.seconds } }
    while let at = Self.dependent(columns) {
      untold.append(terms.remove(at: at))
      columns.remove(at: at)
    }
    guard terms.contains(.idle) else {
      throw ToolFailure(.badData, "the windows do not vary in a way that tells anything")
    }
    solve(terms, columns, power)
  }

  /// The last column that is, but for one part in a thousand, a sum of those before it; the constant is never given up.
  private static func dependent(_ columns: [[Double]]) -> Int? {
    var basis: [[Double]] = []
    for (at, column) in columns.enumerated() {
      var rest = column
      for _ in 0..<2 {
        for axis in basis { rest = subtract(rest, axis, times: dot(rest, axis)) }
      }
      let size = dot(column, column).squareRoot()
      let left = dot(rest, rest).squareRoot()
      guard size > 0, left > 1e-3 * size else { return at }
      basis.append(rest.map { $0 / left })
    }
    return nil
  }

  private mutating func solve(_ terms: [Term], _ columns: [[Double]], _ power: [Double]) {
    // QR by Gram and Schmidt, twice over for accuracy; the columns are independent.
    var basis: [[Double]] = []
    var upper = [[Double]](repeating: [Double](repeating: 0, count: terms.count), count: terms.count)
    for (at, column) in columns.enumerated() {
      var rest = column
      for _ in 0..<2 {
        for (row, axis) in basis.enumerated() {
          let share = Self.dot(rest, axis)
          upper[row][at] += share
          rest = Self.subtract(rest, axis, times: share)
        }
      }
      upper[at][at] = Self.dot(rest, rest).squareRoot()
      basis.append(rest.map { $0 / upper[at][at] })
    }
    let inverse = Self.inverse(upper)
    let projected = basis.map { Self.dot($0, power) }
    let values = inverse.map { row in zip(row, projected).reduce(0) { $0 + $1.0 * $1.1 } }
    judge(terms, columns, power, values, inverse)
  }

  private mutating func judge(
    _ terms: [Term], _ columns: [[Double]], _ power: [Double], _ values: [Double], _ inverse: [[Double]]
  ) {
    let mean = power.reduce(0, +) / Double(power.count)
    var (left, total) = (0.0, 0.0)
    for at in power.indices {
      var fitted = 0.0
      for (column, value) in zip(columns, values) { fitted += column[at] * value }
      left += (power[at] - fitted) * (power[at] - fitted)
      total += (power[at] - mean) * (power[at] - mean)
    }
    let freedom = Double(power.count - terms.count)
    residual = (left / freedom).squareRoot()
    explained = total > 0 ? max(0, 1 - left / total) : 0
    let quantile = Statistics.tQuantile(0.975, degreesOfFreedom: freedom)
    for (at, term) in terms.enumerated() {
      let half = quantile * residual * Self.dot(inverse[at], inverse[at]).squareRoot()
      coefficients[term] = Estimate(value: values[at], low: values[at] - half, high: values[at] + half)
    }
  }

  /// Of an upper triangle without zeros on its diagonal.
  private static func inverse(_ upper: [[Double]]) -> [[Double]] {
    let count = upper.count
    var result = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    for column in 0..<count {
      result[column][column] = 1 / upper[column][column]
      for row in stride(from: column - 1, through: 0, by: -1) {
        var sum = 0.0
        for middle in (row + 1)...column { sum += upper[row][middle] * result[middle][column] }
        result[row][column] = -sum / upper[row][row]
      }
    }
    return result
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  private static func subtract(_ a: [Double], _ b: [Double], times factor: Double) -> [Double] {
    zip(a, b).map { $0 - factor * $1 }
  }

  // MARK: For the configuration

  /// The table, and the lines for siftd.toml. A coefficient whose interval reaches below zero is written as 0: the windows do
  /// not prove it.
  public func text() -> String {
    var table = Table([("cost of", .left), ("estimate", .right), ("95 % interval", .left)])
    for term in Term.allCases {
      guard let found = coefficients[term] else { continue }
      table.add([
        term.words, FigureText.prefixed(found.value, term.unit),
        FigureText.prefixed(found.low, term.unit) + " to " + FigureText.prefixed(found.high, term.unit),
      ])
    }
    var text = table.rendered()
    text += "\(windows) windows; \(FigureText.fixed(explained * 100, 1)) % of the variance explained, "
    text += "\(FigureText.prefixed(residual, "W")) left.\n"
    for term in untold {
      text += "Not to be told from the windows: \(term.words). Vary it by itself, or leave the table's figure.\n"
    }
    return text + "\n" + configuration
  }

  private var configuration: String {
    var lines = ["[radio]"]
    func add(_ key: String, _ term: Term, _ scale: Double) {
      guard let found = coefficients[term] else { return }
      lines.append("\(key) = \(FigureText.fixed(found.low > 0 ? found.value * scale : 0, 4))")
    }
    add("transmit-watts", .send, 1)
    add("receive-watts", .receive, 1)
    add("frame-mj", .frame, 1000)
    // Only a whole model was measured.
    if untold.isEmpty { lines.append("measured = true") }
    return lines.joined(separator: "\n") + "\n"
  }
}
