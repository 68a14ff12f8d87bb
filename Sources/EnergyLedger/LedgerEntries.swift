// What the ledger keeps: requests, windows of rails, rails, and the configurations under which all of it happened.

import SiftCore

/// One request, with closed books.
public struct RequestEntry: Sendable, Hashable {
  /// As the client saw it.
  public var id: String
  /// When it ended, in seconds since 1970.
  public var at: Double
  public var policy: String
  public var model: String
  /// How it ended, in one word.
  public var outcome: String
  public var tokensIn = 0
  public var tokensOut = 0
  /// From arrival to end, and to the first token, in seconds.
  public var seconds = 0.0
  public var firstTokenSeconds: Double?
  /// This node's joules, idle included.
  public var joules = 0.0
  /// Above idle; nil where the idle level is not known.
  public var dynamicJoules: Double?
  /// Standard uncertainty of `joules`; nil where it is not known.
  public var uncertaintyJoules: Double?
  /// The weakest standing among the joules.
  public var standing = Standing.modelled
  /// What peers say they spent.
  public var peerJoules = 0.0
  /// The radio's part of this node's joules.
  public var radioJoules = 0.0
  public var radioStanding = Standing.modelled
  public var visits = 0
  public var bytesUp = 0
  public var bytesDown = 0
  public var expertsLocal = 0
  public var expertsRemote = 0
  public var expertsReplaced = 0
  public var expertsSkipped = 0
  public var expertsLate = 0
  /// Mean booked error of a token in a layer, and what was allowed.
  public var errorMean = 0.0
  public var errorBudget = 0.0

  public init(id: String, at: Double, policy: String, model: String, outcome: String) {
    self.id = id
    self.at = at
    self.policy = policy
    self.model = model
    self.outcome = outcome
  }
}

/// The joules of one rail over a stretch of time, and whose they were: `requests` + `idle` + `unattributed` = `joules`.
public struct WindowEntry: Sendable, Hashable {
  public var rail: String
  /// In seconds since 1970.
  public var start: Double
  public var end: Double
  public var joules: Double
  /// Joules of the idle level; nil while that is not known, and then the others are all there is.
  public var idle: Double?
  /// Above idle, shared out to requests.
  public var requests: Double
  /// Above idle, and nobody's.
  public var unattributed: Double
  /// Share of the time that good samples cover, 0…1.
  public var coverage: Double
  public var standing: Standing

  public init(
    rail: String, start: Double, end: Double, joules: Double, idle: Double?, requests: Double, unattributed: Double,
    coverage: Double, standing: Standing
  ) {
    self.rail = rail
    self.start = start
    self.end = end
    self.joules = joules
    self.idle = idle
    self.requests = requests
    self.unattributed = unattributed
    self.coverage = coverage
    self.standing = standing
  }
}

/// A rail that was seen.
public struct RailEntry: Sendable, Hashable {
  public var id: String
  public var kind: String
  public var standing: Standing
  /// In seconds since 1970.
  public var seen: Double

  public init(id: String, kind: String, standing: Standing, seen: Double) {
    self.id = id
    self.kind = kind
    self.standing = standing
    self.seen = seen
  }
}

/// A configuration that came into force; requests and windows after it belong to it.
public struct EpochEntry: Sendable, Hashable {
  /// In seconds since 1970.
  public var at: Double
  /// The daemon's version.
  public var version: String
  /// Content hash of the model.
  public var model: String
  /// What brought it: `start` or `reload`.
  public var cause: String
  /// Every key that is not at its default, as TOML.
  public var settings: String

  public init(at: Double, version: String, model: String, cause: String, settings: String) {
    self.at = at
    self.version = version
    self.model = model
    self.cause = cause
    self.settings = settings
  }
}

/// Anything the ledger keeps.
public enum LedgerEntry: Sendable, Hashable {
  case request(RequestEntry)
  case window(WindowEntry)
  case rail(RailEntry)
  case epoch(EpochEntry)
}
