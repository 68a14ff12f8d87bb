// The selection problem of one token in one layer (docs/theory, §5) as a value: what kind "token" of `siftctl select`
// reads, and what the daemon fills once per layer and then updates in place.

/// A place that executes experts, as one layer sees it.
public struct ExpertPlace: Sendable, Hashable {
  /// Experts hosted here, ids without duplicates, any order.
  public var experts: [Int]
  /// Radio energy of using this place at all, in joules, ≥ 0. Zero for the gateway itself.
  public var radioEnergy: Double
  /// Airtime of using this place at all, in seconds, ≥ 0. Zero for the gateway itself.
  public var airtime: Double
  /// Joules for each distinct expert executed here, ≥ 0.
  public var computeEnergy: Double
  /// Seconds for each distinct expert executed here, ≥ 0.
  public var computeTime: Double
  /// False leaves the place out of every decision.
  public var isReachable: Bool

  public init(
    experts: [Int], radioEnergy: Double = 0, airtime: Double = 0, computeEnergy: Double = 0, computeTime: Double = 0,
    isReachable: Bool = true
  ) {
    self.experts = experts
    self.radioEnergy = radioEnergy
    self.airtime = airtime
    self.computeEnergy = computeEnergy
    self.computeTime = computeTime
    self.isReachable = isReachable
  }
}

/// One expert that the router chose.
public struct RoutedExpert: Sendable, Hashable {
  public var expert: Int
  /// Router weight, finite, ≥ 0.
  public var weight: Double
  public init(expert: Int, weight: Double) {
    self.expert = expert
    self.weight = weight
  }
}

/// Relative distances of one layer in double precision: what the error is added up from.
public struct DistanceMatrix: Sendable, Hashable {
  /// Experts of the layer (E).
  public let experts: Int
  /// `[routed, target]` row-major, E × E, ≥ 0, diagonal 0; infinite = never replace.
  public let replacing: [Double]
  /// `[routed]`, ≥ 0; infinite = never skip.
  public let skipping: [Double]

  /// - Precondition: lengths E², E.
  public init(experts: Int, replacing: [Double], skipping: [Double]) {
    precondition(
      replacing.count == experts * experts && skipping.count == experts, "distance tables must be E × E and E")
    self.experts = experts
    self.replacing = replacing
    self.skipping = skipping
  }
  public func replacing(_ routed: Int, by target: Int) -> Double { replacing[routed * experts + target] }
}

/// One token, one layer: serve each routed expert somewhere, by something, or not at all.
///
/// * Energy = `wakeEnergy` if any remote place is used + for each remote place used once `radioEnergy`
///   + `computeEnergy` for each DISTINCT expert executed at each place, the gateway included.
/// * Error = Σ weight × distance.
/// * Latency = `wakeTime` if any remote place is used + Σ `airtime` of the remote places used + the largest, over all
///   places, of `computeTime` × distinct experts executed there.
public struct TokenProblem: Sendable, Hashable {
  /// At most 64, without duplicates.
  public var routed: [RoutedExpert]
  public var distance: DistanceMatrix
  public var allowSkip: Bool
  /// False forbids every target but the routed expert itself.
  public var allowReplace: Bool
  /// `[node]`: element 0 is the gateway itself, whose radio figures are zero; at most 64.
  public var places: [ExpertPlace]
  public var wakeEnergy: Double
  public var wakeTime: Double
  /// Limit of the error, ≥ 0.
  public var errorBudget: Double
  /// Limit of the latency in seconds, ≥ 0.
  public var latencyLimit: Double

  public static let routedMax = 64
  public static let placesMax = 64

  public init(
    routed: [RoutedExpert], distance: DistanceMatrix, allowSkip: Bool = true, allowReplace: Bool = true,
    places: [ExpertPlace], wakeEnergy: Double = 0, wakeTime: Double = 0, errorBudget: Double,
    latencyLimit: Double = .infinity
  ) {
    self.routed = routed
    self.distance = distance
    self.allowSkip = allowSkip
    self.allowReplace = allowReplace
    self.places = places
    self.wakeEnergy = wakeEnergy
    self.wakeTime = wakeTime
    self.errorBudget = errorBudget
    self.latencyLimit = latencyLimit
  }

  /// Relative distance of serving `routed` by `target` (nil: by nothing), or nil when the problem forbids that.
  public func distance(_ routed: Int, by target: Int?) -> Double? {
    guard let target else { return allowSkip ? distance.skipping[routed] : nil }
    return allowReplace || target == routed ? distance.replacing(routed, by: target) : nil
  }
}
