// Whose joules they were: requests that overlap share what a rail brought above idle by the work each was measured to do.
// For each rail and interval, requests + idle + unattributed = rail.

import SiftCore

/// What one rail brought in one interval.
public struct RailInterval: Sendable, Hashable {
  public var id: String
  /// Id of the rail that contains this one; nil for one of the total.
  public var parent: String?
  public var role: RailRole
  /// Known joules; those of a gap are not in it.
  public var joules: Double
  /// Joules of the idle level over the covered time; nil while that is not known.
  public var idle: Double?
  /// Share of the interval that good samples cover, 0…1; 0: the rail said nothing.
  public var coverage: Double
  public var standing: Standing

  public init(
    id: String, parent: String? = nil, role: RailRole = .whole, joules: Double, idle: Double?, coverage: Double = 1,
    standing: Standing = .measured
  ) {
    self.id = id
    self.parent = parent
    self.role = role
    self.joules = joules
    self.idle = idle
    self.coverage = coverage
    self.standing = standing
  }

  /// Joules above idle; all of them while the idle level is not known.
  var dynamic: Double { joules - (idle ?? 0) }
}

/// The joules of one rail in one interval, and whose they were.
public struct RailSplit: Sendable, Hashable {
  public var id: String
  public var joules: Double
  /// nil while the idle level is not known: `requests` and `unattributed` then hold it.
  public var idle: Double?
  /// Of all requests together.
  public var requests: Double
  /// Above idle and nobody's: nothing worked, or somebody else did.
  public var unattributed: Double
  public var coverage: Double
  public var standing: Standing
}

/// What one request got of one rail, above idle (all of it where the idle level is not known).
public struct RailPortion: Sendable, Hashable {
  public var rail: String
  public var joules: Double
  public var standing: Standing

  public init(rail: String, joules: Double, standing: Standing) {
    self.rail = rail
    self.joules = joules
    self.standing = standing
  }
}

/// What one request got over its life.
public struct RequestShare: Sendable, Hashable {
  /// Joules above idle, or all its joules where `isIdleKnown` is false.
  public var dynamic = 0.0
  /// Its part of the idle joules while it was there.
  public var idle = 0.0
  public var isIdleKnown = true
  /// Joules above idle of rails that feed the radio, and the processor; nil where no such rail was read.
  public var radio: Double?
  public var compute: Double?
  public var radioStanding: Standing?
  /// The weakest standing among the joules; nil without any.
  public var standing: Standing?
  /// Rail by rail, parts beside what contains them: never to be added up across that line.
  public var rails: [RailPortion] = []

  public init() {}

  mutating func add(_ joules: Double, of rail: RailInterval) {
    if let at = rails.firstIndex(where: { $0.rail == rail.id }) {
      rails[at].joules += joules
      rails[at].standing = max(rails[at].standing, rail.standing)
    } else {
      rails.append(RailPortion(rail: rail.id, joules: joules, standing: rail.standing))
    }
  }

  public var total: Double { dynamic + idle }
}

/// The books of one node. A value: time and readings are given to it.
public struct AttributionBooks: Sendable {
  private struct Account {
    let request: UInt64
    /// Of the interval that is open.
    var seconds = 0.0
    var radio = 0.0
    var share = RequestShare()
  }

  /// By opening.
  private var accounts: [Account] = []
  private var other = 0.0

  public init() {}

  public var isEmpty: Bool { accounts.isEmpty }

  /// Opens the books of a request, after `settle` for the time before it.
  public mutating func open(_ request: UInt64) { accounts.append(Account(request: request)) }

  /// Books work of the open interval. Does not allocate.
  /// - Parameters:
  ///   - seconds: processor time of its attention and experts, ≥ 0.
  ///   - radio: what its exchanges took by the radio's model, in joules, ≥ 0: only its proportion to others' counts.
  public mutating func work(_ request: UInt64, seconds: Double, radio: Double = 0) {
    guard let at = accounts.firstIndex(where: { $0.request == request }) else { return }
    accounts[at].seconds += max(0, seconds)
    accounts[at].radio += max(0, radio)
  }

  /// Books work of the open interval that no request asked for.
  public mutating func workOfOthers(seconds: Double) { other += max(0, seconds) }

  /// Closes the open interval and begins the next.
  /// - Returns: whose the joules of each rail were, in the order of `rails`.
  public mutating func settle(_ rails: [RailInterval]) -> [RailSplit] {
    let weights = IntervalWeights(
      seconds: accounts.map(\.seconds), radio: accounts.map(\.radio), otherSeconds: other)
    var splits: [RailSplit] = []
    for rail in rails {
      let parts = rails.filter { $0.parent == rail.id }
      let shares = Self.shares(of: rail, parts: parts, weights)
      // A part's joules are in its parent's: they say what they were for, and are never added.
      book(rail, shares.requests, isTotal: rail.parent == nil, idle: weights.idle)
      splits.append(
        RailSplit(
          id: rail.id, joules: rail.joules, idle: rail.idle, requests: shares.requests.reduce(0, +),
          unattributed: shares.unattributed, coverage: rail.coverage, standing: rail.standing))
    }
    for at in accounts.indices { (accounts[at].seconds, accounts[at].radio) = (0, 0) }
    other = 0
    return splits
  }

  /// Closes the books of a request, after `settle` for its last interval.
  public mutating func close(_ request: UInt64) -> RequestShare {
    guard let at = accounts.firstIndex(where: { $0.request == request }) else { return RequestShare() }
    return accounts.remove(at: at).share
  }

  /// What a rail brought above idle, by request. The parts of it that feed the radio go by radio work, the rest by
  /// processor time.
  private static func shares(of rail: RailInterval, parts: [RailInterval], _ weights: IntervalWeights)
    -> (requests: [Double], unattributed: Double)
  {
    guard rail.role != .radio else { return weights.split(radio: rail.dynamic) }
    // A part that was seen for less of the time, or whose idle level is not known, is not told apart.
    let radio = parts.filter {
      $0.role == .radio && $0.coverage >= rail.coverage && ($0.idle == nil) == (rail.idle == nil)
    }.reduce(0) { $0 + $1.dynamic }
    let byRadio = weights.split(radio: radio)
    let byTime = weights.split(compute: rail.dynamic - radio)
    return (zip(byRadio.requests, byTime.requests).map { $0 + $1 }, byRadio.unattributed + byTime.unattributed)
  }

  private mutating func book(_ rail: RailInterval, _ shares: [Double], isTotal: Bool, idle: [Double]) {
    guard rail.coverage > 0 else { return }
    for at in accounts.indices {
      accounts[at].share.add(shares[at], of: rail)
      if isTotal {
        accounts[at].share.dynamic += shares[at]
        accounts[at].share.idle += (rail.idle ?? 0) * idle[at]
        if rail.idle == nil { accounts[at].share.isIdleKnown = false }
        accounts[at].share.standing = max(accounts[at].share.standing ?? rail.standing, rail.standing)
      }
      switch rail.role {
      case .radio:
        accounts[at].share.radio = (accounts[at].share.radio ?? 0) + shares[at]
        accounts[at].share.radioStanding = max(accounts[at].share.radioStanding ?? rail.standing, rail.standing)
      case .compute: accounts[at].share.compute = (accounts[at].share.compute ?? 0) + shares[at]
      case .whole: break
      }
    }
  }
}

/// By which proportions an interval is shared.
private struct IntervalWeights {
  /// `[request]`, each a share of everything that was done; they add up to 1 unless others worked or nobody did.
  private let compute: [Double]
  private let radio: [Double]
  private let othersCompute: Double
  private let othersRadio: Double
  /// `[request]`: shares of the idle joules; they add up to 1 while there is a request.
  let idle: [Double]

  init(seconds: [Double], radio radioWork: [Double], otherSeconds: Double) {
    let own = seconds.reduce(0, +)
    let all = own + otherSeconds
    compute = seconds.map { all > 0 ? $0 / all : 0 }
    othersCompute = all > 0 ? otherSeconds / all : 1
    let airtime = radioWork.reduce(0, +)
    // Nobody used the radio by the model: what its rail brought goes with the work.
    radio = airtime > 0 ? radioWork.map { $0 / airtime } : compute
    othersRadio = airtime > 0 ? 0 : othersCompute
    idle = seconds.map { own > 0 ? $0 / own : 1 / Double(seconds.count) }
  }

  func split(compute joules: Double) -> (requests: [Double], unattributed: Double) {
    (compute.map { $0 * joules }, othersCompute * joules)
  }
  func split(radio joules: Double) -> (requests: [Double], unattributed: Double) {
    (radio.map { $0 * joules }, othersRadio * joules)
  }
}
