// The selection problem of many tokens in one layer (docs/theory, §6) as a value: kind "batch" of `siftctl select`.

/// A place that executes experts for a batch. A token counts once at a place however many of its experts run there.
public struct BatchPlace: Sendable, Hashable {
  /// Experts hosted here, ids without duplicates, any order.
  public var experts: [Int]
  /// `[m]`: radio energy of serving m tokens here, in joules; element 0 is 0; one element more than there are tokens.
  /// Empty for the gateway itself, whose radio costs nothing.
  public var radioEnergy: [Double]
  /// `[m]`: airtime of serving m tokens here, in seconds; as `radioEnergy`.
  public var airtime: [Double]
  /// Joules and seconds for each distinct (token, expert) executed here, ≥ 0.
  public var computeEnergy: Double
  public var computeTime: Double
  /// Joules and seconds for each distinct expert executed here at all, ≥ 0; 0 for what is resident.
  public var loadEnergy: Double
  public var loadTime: Double

  public init(
    experts: [Int], radioEnergy: [Double] = [], airtime: [Double] = [], computeEnergy: Double = 0,
    computeTime: Double = 0, loadEnergy: Double = 0, loadTime: Double = 0
  ) {
    self.experts = experts
    self.radioEnergy = radioEnergy
    self.airtime = airtime
    self.computeEnergy = computeEnergy
    self.computeTime = computeTime
    self.loadEnergy = loadEnergy
    self.loadTime = loadTime
  }
}

/// Several tokens, one layer, decided together.
///
/// * Energy = `wakeEnergy` if any remote place is used + Σ radio tables + compute of each (token, executed expert)
///   + load of each distinct executed expert, place by place.
/// * Error of a token = Σ weight × distance; the MEAN over tokens is limited, and each token's.
/// * Latency = `wakeTime` if any remote place is used + Σ airtime tables + the largest, over all places, of compute and
///   load seconds there.
public struct BatchProblem: Sendable, Hashable {
  /// `[token]`: its routed experts, at most 16, without duplicates.
  public var tokens: [[RoutedExpert]]
  public var distance: DistanceMatrix
  public var allowSkip: Bool
  public var allowReplace: Bool
  /// `[node]`: element 0 is the gateway itself; at most 16.
  public var places: [BatchPlace]
  public var wakeEnergy: Double
  public var wakeTime: Double
  /// Limit of the mean error over tokens, ≥ 0.
  public var errorBudget: Double
  /// Limit of each token's error, ≥ 0; infinite for none.
  public var errorMax: Double
  /// `[token]`: limits of the single tokens' errors besides `errorMax`, as rows of several requests have them, each ≥ 0
  /// and infinite for none; nil when there are no others.
  public var errorLimits: [Double]?
  /// Limit of the latency in seconds, ≥ 0; infinite for none.
  public var latencyLimit: Double

  public static let routedMax = 16
  public static let placesMax = 16

  public init(
    tokens: [[RoutedExpert]], distance: DistanceMatrix, allowSkip: Bool = true, allowReplace: Bool = true,
    places: [BatchPlace], wakeEnergy: Double = 0, wakeTime: Double = 0, errorBudget: Double,
    errorMax: Double = .infinity, errorLimits: [Double]? = nil, latencyLimit: Double = .infinity
  ) {
    self.tokens = tokens
    self.distance = distance
    self.allowSkip = allowSkip
    self.allowReplace = allowReplace
    self.places = places
    self.wakeEnergy = wakeEnergy
    self.wakeTime = wakeTime
    self.errorBudget = errorBudget
    self.errorMax = errorMax
    self.errorLimits = errorLimits
    self.latencyLimit = latencyLimit
  }

  /// Whether ids, lengths and counts are such that the problem can be decided. What is not is answered like a problem
  /// without a solution.
  public var isWellFormed: Bool {
    let experts = 0..<distance.experts
    guard (1...Self.placesMax).contains(places.count) else { return false }
    if let errorLimits, errorLimits.count != tokens.count { return false }
    for routed in tokens {
      guard routed.count <= Self.routedMax, routed.allSatisfy({ experts.contains($0.expert) }) else { return false }
    }
    for place in places.indices {
      guard places[place].experts.allSatisfy(experts.contains) else { return false }
      if place == 0 { continue }
      let (joules, seconds) = (places[place].radioEnergy, places[place].airtime)
      guard joules.count == tokens.count + 1, seconds.count == tokens.count + 1 else { return false }
    }
    return true
  }

  /// The limit of one token's error.
  @inlinable public func errorLimit(_ token: Int) -> Double {
    guard let errorLimits, token < errorLimits.count else { return errorMax }
    return min(errorMax, errorLimits[token])
  }
}

/// A decision for a batch, with what it costs and how far from the best it can be.
public struct BatchAnswer: Sendable, Hashable {
  /// Whether `choices` keep every limit.
  public var feasible: Bool
  /// Joules of `choices`.
  public var energy: Double
  /// Proved: no feasible decision costs less. Infinite when it is proved that none exists.
  public var lowerBound: Double
  public var errorMean: Double
  public var errorWorst: Double
  /// Modelled seconds.
  public var latency: Double
  /// `[token]`, parallel to `BatchProblem.tokens`. When infeasible: the decision that breaks the limits least.
  public var choices: [[TokenChoice]]
  public var violates: BrokenLimits

  public init() {
    feasible = false
    energy = 0
    lowerBound = 0
    errorMean = 0
    errorWorst = 0
    latency = 0
    choices = []
    violates = []
  }

  /// (energy − lower bound) / energy, 0 … 1; 0 for an answer that costs nothing.
  public var gap: Double { energy > 0 ? max(0, (energy - lowerBound) / energy) : 0 }
}
