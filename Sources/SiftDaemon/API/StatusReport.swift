// What /sift/status says: the same truth as /metrics, as JSON for siftctl and people.

import Synchronization

/// The state of the daemon.
public struct StatusReport: Codable, Sendable {
  public struct Model: Codable, Sendable {
    public var name: String
    public var hash: String
    public var context: Int
    public init(name: String, hash: String, context: Int) {
      self.name = name
      self.hash = hash
      self.context = context
    }
  }
  public struct Load: Codable, Sendable {
    public var running: Int
    public var waiting: Int
    public var steps: Int
    public var rows: Int
    public init(running: Int, waiting: Int, steps: Int, rows: Int) {
      self.running = running
      self.waiting = waiting
      self.steps = steps
      self.rows = rows
    }
  }
  /// Sums over the requests of one policy.
  public struct PolicyTotals: Codable, Sendable {
    public var policy: String
    public var requests: Int
    public var tokens_out: Int
    public var visits: Int
    public var bytes: Int
    public var error_mean: Double
    public var energy_j: Double
    public init(
      policy: String, requests: Int, tokens_out: Int, visits: Int, bytes: Int, error_mean: Double, energy_j: Double
    ) {
      self.policy = policy
      self.requests = requests
      self.tokens_out = tokens_out
      self.visits = visits
      self.bytes = bytes
      self.error_mean = error_mean
      self.energy_j = energy_j
    }
  }
  public struct Peer: Codable, Sendable {
    public var name: String
    public var address: String
    public var connected: Bool
    /// Experts in use there, of all layers' together.
    public var experts: Int
    public var round_trip_ms: Double?
    public var goodput_mbit_s: Double?
    /// What a visit costs now: joules whatever its size, and for a byte.
    public var visit_j: Double?
    public var byte_j: Double?
    public var age_s: Double?
    public var standing: String?
    public var interface: String?
    public var last_error: String?
    public init(
      name: String, address: String, connected: Bool, experts: Int, round_trip_ms: Double? = nil,
      goodput_mbit_s: Double? = nil, visit_j: Double? = nil, byte_j: Double? = nil, age_s: Double? = nil,
      standing: String? = nil, interface: String? = nil, last_error: String? = nil
    ) {
      self.name = name
      self.address = address
      self.connected = connected
      self.experts = experts
      self.round_trip_ms = round_trip_ms
      self.goodput_mbit_s = goodput_mbit_s
      self.visit_j = visit_j
      self.byte_j = byte_j
      self.age_s = age_s
      self.standing = standing
      self.interface = interface
      self.last_error = last_error
    }
  }
  /// What the energy meter reads.
  public struct Meter: Codable, Sendable {
    public var standing: String
    public var rails: [String]
    public var model: String?
    public var watts: Double?
    public init(standing: String, rails: [String], model: String? = nil, watts: Double? = nil) {
      self.standing = standing
      self.rails = rails
      self.model = model
      self.watts = watts
    }
  }

  public var version: String
  public var node: String
  public var role: String
  /// One line in words.
  public var status: String
  public var uptime_s: Double
  public var policy: String
  public var error_budget: Double
  public var latency_ms: Double
  public var model: Model
  public var load: Load
  public var totals: [PolicyTotals]
  public var peers: [Peer]
  public var meter: Meter

  public init(
    version: String, node: String, role: String, status: String, uptime_s: Double, policy: String,
    error_budget: Double, latency_ms: Double, model: Model, load: Load, totals: [PolicyTotals], peers: [Peer],
    meter: Meter
  ) {
    self.version = version
    self.node = node
    self.role = role
    self.status = status
    self.uptime_s = uptime_s
    self.policy = policy
    self.error_budget = error_budget
    self.latency_ms = latency_ms
    self.model = model
    self.load = load
    self.totals = totals
    self.peers = peers
    self.meter = meter
  }
}
