// One consistent view of the world for one decoding step: what a visit to each node costs now. All layers of a token
// decide on the same one.

/// The price of bytes on the way to a node and back.
public struct VisitCost: Sendable, Hashable {
  /// Radio energy of one exchange whatever its size, in joules.
  public var energyPerVisit: Double
  /// Radio energy a byte (up and down together), in joules.
  public var energyPerByte: Double
  /// Airtime of one exchange whatever its size, in seconds.
  public var airtimePerVisit: Double
  /// Airtime a byte, in seconds.
  public var airtimePerByte: Double

  public init(energyPerVisit: Double, energyPerByte: Double, airtimePerVisit: Double, airtimePerByte: Double) {
    self.energyPerVisit = energyPerVisit
    self.energyPerByte = energyPerByte
    self.airtimePerVisit = airtimePerVisit
    self.airtimePerByte = airtimePerByte
  }
  public static let zero = VisitCost(energyPerVisit: 0, energyPerByte: 0, airtimePerVisit: 0, airtimePerByte: 0)
  /// Joules of a visit that moves `bytes` up and down together.
  public func energy(bytes: Int) -> Double { energyPerVisit + energyPerByte * Double(bytes) }
  /// Seconds of airtime of a visit that moves `bytes` up and down together.
  public func airtime(bytes: Int) -> Double { airtimePerVisit + airtimePerByte * Double(bytes) }
}

/// A rate of a link: usable when the ratio of signal to noise is at least `minimumSNR`.
public struct ChannelRate: Sendable, Hashable {
  /// Linear ratio of powers, > 0.
  public let minimumSNR: Double
  /// Goodput at this rate after overheads, in bits a second, > 0.
  public let goodput: Double
  public init(minimumSNR: Double, goodput: Double) {
    self.minimumSNR = minimumSNR
    self.goodput = goodput
  }
}

/// How the channel to one node fades, and where it stood last: what a forecast of its gain is made of.
public struct ChannelPrediction: Sendable, Hashable {
  /// Mean ratio of signal to noise power, linear, > 0.
  public var meanSNR: Double
  /// Rician factor: power of the line of sight over that of the scatter, ≥ 0.
  public var riceFactor: Double
  /// Maximum Doppler shift in hertz, ≥ 0.
  public var doppler: Double
  /// Power gain of the last sample over the mean, ≥ 0; nil when no sample says anything of the present.
  public var sampledGain: Double?
  /// When it was taken; nil as above.
  public var sampledAt: ContinuousClock.Instant?
  /// The rates of the link by rising signal and goodput.
  public var rates: [ChannelRate]

  public init(
    meanSNR: Double, riceFactor: Double, doppler: Double, sampledGain: Double? = nil,
    sampledAt: ContinuousClock.Instant? = nil, rates: [ChannelRate]
  ) {
    self.meanSNR = meanSNR
    self.riceFactor = riceFactor
    self.doppler = doppler
    self.sampledGain = sampledGain
    self.sampledAt = sampledAt
    self.rates = rates
  }
}

/// What is known of one node. Index 0 of `Conditions.nodes` is the gateway itself, whose visit costs nothing.
public struct NodeConditions: Sendable, Hashable {
  public var isReachable: Bool
  public var visit: VisitCost
  /// Energy to execute one expert for one token there, in joules.
  public var computeEnergy: Double
  /// Time to execute one expert for one token there, in seconds.
  public var computeTime: Double
  /// Age of the youngest figure behind `visit`; nil when nothing was ever measured.
  public var age: Duration?
  /// The weakest standing among the figures.
  public var standing: Standing
  /// How the channel fades; nil when that is not known or there is no radio.
  public var channel: ChannelPrediction?
  /// An answer is overdue and nothing has come since: what is sent now waits behind what has not got through.
  public var isOverdue: Bool

  public init(
    isReachable: Bool, visit: VisitCost, computeEnergy: Double, computeTime: Double, age: Duration? = nil,
    standing: Standing = .modelled, channel: ChannelPrediction? = nil, isOverdue: Bool = false
  ) {
    self.isOverdue = isOverdue
    self.isReachable = isReachable
    self.visit = visit
    self.computeEnergy = computeEnergy
    self.computeTime = computeTime
    self.age = age
    self.standing = standing
    self.channel = channel
  }
}

/// The world as one decoding step sees it.
public struct Conditions: Sendable, Hashable {
  /// Grows by one with every snapshot.
  public var epoch: UInt64
  /// `[node]`; element 0 is the gateway.
  public var nodes: [NodeConditions]
  /// Price of a layer's first remote visit: joules (radio wake-up).
  public var wakeEnergy: Double
  /// Price of a layer's first remote visit: seconds (round trip, wake-up).
  public var wakeTime: Double

  public init(epoch: UInt64, nodes: [NodeConditions], wakeEnergy: Double, wakeTime: Double) {
    self.epoch = epoch
    self.nodes = nodes
    self.wakeEnergy = wakeEnergy
    self.wakeTime = wakeTime
  }
}
