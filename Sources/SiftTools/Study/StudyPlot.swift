// Plots of studies as gnuplot scripts with their data inside.

/// One plot: a line for every series.
struct StudyPlot {
  struct Series {
    let name: String
    /// x, y and, where known, the interval of y.
    var points: [(x: Double, y: Double, low: Double?, high: Double?)]
  }
  let name: String
  let title: String
  let x: String
  let y: String
  var series: [Series]
  var isLogarithmicX = false

  /// Draws `name.svg` and `name.png` beside the script.
  var script: String {
    var text = """
      # \(title). Draw again: gnuplot \(name).gnuplot
      set xlabel "\(x)"
      set ylabel "\(y)"
      set title "\(title)"
      set key outside right
      set grid
      \(isLogarithmicX ? "set logscale x" : "unset logscale")

      """
    for (index, series) in series.enumerated() {
      text += "$data\(index) << END\n"
      for point in series.points {
        text += "\(point.x) \(point.y) \(point.low ?? point.y) \(point.high ?? point.y)\n"
      }
      text += "END\n"
    }
    let parts = series.enumerated().map { index, series in
      "$data\(index) using 1:2:3:4 with yerrorlines title \"\(series.name)\" pointtype \(index % 14 + 1)"
    }
    let command = "plot " + parts.joined(separator: ", \\\n  ") + "\n"
    text += "set terminal svg size 900,540 background rgb 'white'\nset output '\(name).svg'\n" + command
    text += "set terminal png size 900,540\nset output '\(name).png'\n" + command
    return text
  }
}

extension StudyTable {
  /// Means over rows that agree in `keys`, x in `x`: one series for each combination of `keys`.
  func series(x: String, y: String, by keys: [String], where keep: (([String: StudyCell]) -> Bool)? = nil)
    -> [StudyPlot.Series]
  {
    var groups: [String: [Double: [Double]]] = [:]
    var order: [String] = []
    for row in rows {
      let cells = Dictionary(zip(columns, row), uniquingKeysWith: { a, _ in a })
      if let keep, !keep(cells) { continue }
      guard let xs = cells[x]?.figure, let ys = cells[y]?.figure else { continue }
      let name = keys.compactMap { cells[$0]?.csv }.joined(separator: " ")
      if groups[name] == nil { order.append(name) }
      groups[name, default: [:]][xs, default: []].append(ys)
    }
    return order.map { name in
      let points = (groups[name] ?? [:]).sorted { $0.key < $1.key }.map { x, ys in
        let interval = ys.count > 1 ? Statistics.meanInterval(ys) : nil
        return (x: x, y: Statistics.mean(ys), low: interval?.low, high: interval?.high)
      }
      return StudyPlot.Series(name: name, points: points)
    }
  }
}

extension StudyCell {
  /// The number in it.
  var figure: Double? {
    switch self {
    case .number(let number): number
    case .count(let count): Double(count)
    case .text, .none: nil
    }
  }
}
