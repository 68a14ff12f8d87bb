// Nodes whose channels are recorded ones, and a forecast that knows only their past.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Replays a recording: each link is one node. What is known in a second is the goodput of the second before.
///
/// The forecast is a Markov chain over classes of goodput (nothing, then factors of two), whose transitions are counted as
/// the recording goes by, so that no second is foretold with knowledge of itself or of what comes after it.
public struct RecordedWorld: ChannelWorld, Sendable {
  private let truths: [[VisitTruth]]
  private let samples: [[VisitKnowledge]]
  private let forecasts: [[VisitKnowledge]]
  private let means: [VisitKnowledge]
  private let start: Int
  private let tokensPerSecond: Double

  /// Classes of goodput: 0, then below 1, 2, 4 … Mbit/s, the last without a bound.
  static let classes = 8

  /// - Parameters:
  ///   - start: the second that the first token sees, ≥ 1.
  ///   - tokensPerSecond: > 0; after the last second the first comes again.
  public init(
    _ links: RecordedLinks, radio: SimulatedRadio, bytes: Double, limit: Double, start: Int, tokensPerSecond: Double
  ) {
    self.start = start
    self.tokensPerSecond = tokensPerSecond
    truths = links.links.indices.map { link in
      links.goodput.map { radio.visit(bytes: bytes, goodput: $0[link], limit: limit) }
    }
    samples = truths.map { $0.map(FadingWorld.certain) }
    forecasts = links.links.indices.map { link in
      Self.forecasts(links.goodput.map { $0[link] }, radio, bytes, limit)
    }
    means = truths.map(Self.average)
  }

  public var nodes: Int { truths.count }

  public func truth(node: Int, token: Int, layer: Int) -> VisitTruth { truths[node][second(token)] }

  public func known(node: Int, token: Int, layer: Int, view: ChannelView) -> VisitKnowledge {
    let second = second(token)
    switch view {
    case .clairvoyant: return samples[node][second]
    case .sample: return samples[node][(second + samples[node].count - 1) % samples[node].count]
    case .forecast: return forecasts[node][second]
    case .mean: return means[node]
    }
  }

  private func second(_ token: Int) -> Int {
    (start + Int((Double(token) / tokensPerSecond).rounded(.down))) % max(1, truths.first?.count ?? 1)
  }

  static func classOf(_ goodput: Double) -> Int {
    guard goodput > 0 else { return 0 }
    return min(classes - 1, max(1, 1 + Int((log2(goodput / 1e6) + 1).rounded(.down))))
  }

  /// `[second]`: what the seconds before it let one expect.
  private static func forecasts(
    _ goodput: [Double], _ radio: SimulatedRadio, _ bytes: Double, _ limit: Double
  ) -> [VisitKnowledge] {
    // Half a visit to every class and two more to staying, before anything was seen.
    var counts = (0..<classes).map { from in (0..<classes).map { from == $0 ? 2.5 : 0.5 } }
    // Mean of the inverse goodput of a class is what its airtime follows.
    var inverse = (0..<classes).map { $0 == 0 ? 0 : 1e-6 / pow(2, Double($0) - 1.5) }
    var seen = Array(repeating: 1.0, count: classes)
    var result: [VisitKnowledge] = []
    for second in goodput.indices {
      let before = classOf(goodput[max(0, second - 1)])
      let row = counts[before]
      result.append(expectation(row, inverse, radio, bytes, limit))
      let now = classOf(goodput[second])
      if second > 0 { counts[before][now] += 1 }
      if now > 0 {
        seen[now] += 1
        inverse[now] += (1 / goodput[second] - inverse[now]) / seen[now]
      }
    }
    return result
  }

  private static func expectation(
    _ row: [Double], _ inverse: [Double], _ radio: SimulatedRadio, _ bytes: Double, _ limit: Double
  ) -> VisitKnowledge {
    let total = row.reduce(0, +)
    var sum = VisitKnowledge(energy: 0, airtime: 0, outage: 0)
    for state in row.indices {
      let visit = radio.visit(bytes: bytes, goodput: state == 0 ? nil : 1 / inverse[state], limit: limit)
      let share = row[state] / total
      sum.energy += share * visit.energy
      if visit.arrives { sum.airtime += share * visit.airtime } else { sum.outage += share }
    }
    sum.airtime /= max(1e-9, 1 - sum.outage)
    return sum
  }

  private static func average(_ visits: [VisitTruth]) -> VisitKnowledge {
    let arrived = visits.filter(\.arrives)
    return VisitKnowledge(
      energy: visits.reduce(0) { $0 + $1.energy } / Double(visits.count),
      airtime: arrived.reduce(0) { $0 + $1.airtime } / Double(max(1, arrived.count)),
      outage: 1 - Double(arrived.count) / Double(visits.count))
  }
}
