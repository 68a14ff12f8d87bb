// The lower convex envelope of a cost table: what a price for one more token can stand for.

/// The largest convex function below a table over 0 … m. A dual price sees no more of the table than this.
struct ConvexTable {
  /// Corners (m, value), rising m.
  private let corners: [(m: Int, value: Double)]

  /// - Parameter table: `[m]`, at least one element.
  init(_ table: [Double]) {
    var hull: [(m: Int, value: Double)] = []
    for (m, value) in table.enumerated() {
      while hull.count >= 2 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        // b is no corner when it lies on or above the line from a to the new point.
        guard (b.value - a.value) * Double(m - a.m) >= (value - a.value) * Double(b.m - a.m) else { break }
        hull.removeLast()
      }
      hull.append((m, value))
    }
    corners = hull
  }

  /// A slope of the envelope at `m`; at a corner the mean of the two that meet there. 0 for a table of one element.
  func slope(at m: Double) -> Double {
    var left: Double?
    for (a, b) in zip(corners, corners.dropFirst()) {
      let slope = (b.value - a.value) / Double(b.m - a.m)
      if m < Double(b.m) {
        if let left, m == Double(a.m) { return (left + slope) / 2 }
        return slope
      }
      left = slope
    }
    return left ?? 0
  }
}
