// The one table of configuration keys. Parsing, checks, `siftd --print-defaults`, reload and the documentation's table
// come from here.

import EnergyMeter
import LinkMonitor
import SiftCore
import SiftPolicy

/// A section of the file. Its keys are its stored properties, in this order.
public protocol ConfigurationSection: Sendable {
  /// One line about the section.
  var documentation: String { get }
  /// Whether it is `[[name]]`, any number of times.
  var isRepeated: Bool { get }
}

extension ConfigurationSection {
  public var isRepeated: Bool { false }
  /// The keys in the order of their declaration.
  public var all: [any AnyConfigurationKey] {
    Mirror(reflecting: self).children.compactMap { $0.value as? any AnyConfigurationKey }
  }
  public var name: String { all.first?.section ?? "" }
}

/// Every key, by section.
public enum Keys {
  public static let node = NodeKeys()
  public static let model = ModelKeys()
  public static let api = APIKeys()
  public static let scheduler = SchedulerKeys()
  public static let policy = PolicyKeys()
  public static let cluster = ClusterKeys()
  public static let peer = PeerKeys()
  public static let energy = EnergyKeys()
  public static let radio = RadioKeys()
  public static let links = LinksKeys()
  public static let journal = JournalKeys()

  /// All sections in the order they are printed.
  public static let sections: [any ConfigurationSection] = [
    node, model, api, scheduler, policy, cluster, energy, radio, links, journal, peer,
  ]
  /// All keys of the sections that stand once.
  public static let all: [any AnyConfigurationKey] = sections.filter { !$0.isRepeated }.flatMap(\.all)
}

public struct NodeKeys: ConfigurationSection {
  public let documentation = "Who this node is."
  public let name = Key<String>(
    "node.name", default: "", range: .any("at most 64 characters; empty: the host's name"),
    "Name of this node in records and to its peers.")
  public let role = Key<String>(
    "node.role", default: "gateway", range: .oneOf(["gateway", "expert-host"]),
    "A gateway serves requests and may host experts for others; an expert host only executes experts.")
}

public struct ModelKeys: ConfigurationSection {
  public let documentation =
    "The model: a folder as Hugging Face publishes it (config.json, tokenizer.json, *.safetensors)."
  public let path = Key<String>("model.path", default: "/var/lib/siftd/model", "Folder of the model.")
  public let name = Key<String>(
    "model.name", default: "", range: .any("empty: the folder's name"), "What the API calls the model.")
  public let calibration = Key<String>(
    "model.calibration", default: "", range: .any("empty: calibration.safetensors in the model's folder"),
    "File of expert distances, made by siftctl calibrate; policies that replace or skip need it.")
  public let experts = Key<[String]>(
    "model.experts", default: ["all"],
    range: .where_("\"all\", \"none\", or ranges such as \"0-7\"", ExpertRanges.isValid),
    "Experts executed on this node, the same numbers in every layer.")
  public let cache = Key<String>(
    "model.cache", default: "", range: .any("empty: systemd's CACHE_DIRECTORY, else none"),
    "Folder that remembers the hashes of large weight files, so that they are not read whole at every start.")
  public let threads = Key<Int>(
    "model.threads", default: 0, range: .within(0...1024), "Threads that compute; 0: one for every core allowed.")
}

public struct APIKeys: ConfigurationSection {
  public let documentation = "The HTTP API (OpenAI-compatible), for clients on this machine."
  public let socket = Key<String>(
    "api.socket", default: "/run/siftd/siftd.sock",
    range: .where_("an absolute path shorter than 108 bytes, or empty for none") { path in
      path.isEmpty || (path.hasPrefix("/") && path.utf8.count < 108)
    }, "Unix socket, mode 0660; siftctl talks to it.")
  public let listen = Key<String>(
    "api.listen", default: "127.0.0.1:8080",
    range: .where_("ADDRESS:PORT in numbers, or empty for none", Address.isValid),
    "TCP address.")
  public let allowRemote = Key<Bool>(
    "api.allow-remote", default: false,
    "Let api.listen be an address that other machines reach. The API has no authentication of its own.")
  public let maxBodyBytes = Key<Int>(
    "api.max-body-bytes", default: 4_194_304, unit: "bytes", range: .within(1024...1_073_741_824),
    "Largest request body; larger ones are refused with 413 before they are read.")
  public let maxConnections = Key<Int>(
    "api.max-connections", default: 256, range: .within(1...65_536), "Connections at once; more are closed.")
  public let drainSeconds = Key<Double>(
    "api.drain-seconds", default: 20, unit: "seconds", range: .within(0...3600),
    "How long running requests may go on after SIGTERM; keep it below the unit's TimeoutStopSec.")
}

public struct SchedulerKeys: ConfigurationSection {
  public let documentation = "How requests share the engine."
  public let running = Key<Int>(
    "scheduler.max-running", default: 16, range: .within(1...1024), "Sequences decoded at once, in shared steps.")
  public let waiting = Key<Int>(
    "scheduler.max-waiting", default: 64, range: .within(0...65_536), live: true,
    "Sequences that may wait for a place; more are refused with 429.")
  public let rows = Key<Int>(
    "scheduler.rows", default: 128, range: .within(1...4096),
    "Tokens in one step, decoding and prefill together. More speed up prefill and slow down each token's neighbours.")
  public let maxTokens = Key<Int>(
    "scheduler.max-tokens", default: 256, unit: "tokens", range: .within(1...1_048_576), live: true,
    "Tokens generated for a request that does not say max_tokens.")
  public let cacheTokens = Key<Int>(
    "scheduler.cache-tokens", default: 0, unit: "tokens", range: .within(0...16_777_216),
    "Tokens that the key/value cache holds over all sequences; 0: four times the model's context.")
}

public struct PolicyKeys: ConfigurationSection {
  public let documentation = "What decides where experts run, unless a request says otherwise in its `sift` object."
  public let name = Key<String>(
    "policy.name", default: PolicyName.siftmoe.rawValue, range: .oneOf(PolicyName.allCases.map(\.rawValue)),
    live: true, "Policy. Without a calibration nothing is replaced or skipped by choice.")
  public let errorBudget = Key<Double>(
    "policy.error-budget", default: 0.05, range: .within(0...10), live: true,
    "Error a layer may make, relative to what it adds: of a token the sum of router weight times calibrated distance; "
      + "under siftmoe the root mean square over a request.")
  public let perplexityIncrease = Key<String>(
    "policy.max-perplexity-increase", default: "",
    range: .where_("such as \"1 %\" or \"0.01\", or empty for error-budget") {
      $0.isEmpty || ShareText.target($0) != nil
    },
    "Instead of error-budget: the perplexity that may be lost, from which the calibration's curve gives the budget.")
  public let latency = Key<Double>(
    "policy.latency-ms", default: 50, unit: "ms", range: .within(0.01...60_000), live: true,
    "Time a layer's experts may take, and how long a remote node is waited for.")
  public let errorCap = Key<Double>(
    "policy.error-cap", default: 4, range: .within(1...1000), live: true,
    "siftmoe: the root mean square error that a token and layer may expect, in multiples of error-budget, which is kept "
      + "over a request.")
  public let lateness = Key<Double>(
    "policy.late-probability", default: 1, range: .within(0...1), live: true,
    "Chance that some visit of a layer is not back within latency-ms which siftmoe accepts. Below 1 it goes before the error budget."
  )
}

public struct ClusterKeys: ConfigurationSection {
  public let documentation = "Exchanges with other nodes: mutual TLS, with the certificates siftctl certs makes."
  public let listen = Key<String>(
    "cluster.listen", default: "", range: .where_("ADDRESS:PORT in numbers, or empty for none", Address.isValid),
    "Where this node executes experts for others; an expert host needs it.")
  public let certificate = Key<String>(
    "cluster.certificate", default: "",
    "This node's certificate, PEM. A path, or credential:NAME for a systemd credential; so are the next two.")
  public let key = Key<String>("cluster.key", default: "", "Its private key, PEM, readable by this user only.")
  public let authority = Key<String>(
    "cluster.authority", default: "", "Certificate of the authority all nodes trust, PEM.")
  public let encoding = Key<String>(
    "cluster.encoding", default: "f32", range: .oneOf(["f32", "bf16"]),
    "What hidden states travel as: f32 is exact, bf16 a quarter of the bytes.")
  public let codePoint = Key<Int>(
    "cluster.dscp", default: 32, range: .within(0...63),
    "Differentiated-services code point of exchanges. 32 (CS4): radios with WMM try again after 15 slots at most; 0: as all else."
  )
}

public struct PeerKeys: ConfigurationSection {
  public let documentation = "An expert host this gateway may use; one [[peer]] each."
  public let isRepeated = true
  public let name = Key<String>(
    "peer.name", default: "", range: .where_("1 to 64 characters") { (1...64).contains($0.count) },
    "Name of the node, as in its certificate.")
  public let address = Key<String>(
    "peer.address", default: "", range: .where_("HOST:PORT", Address.isHostAndPort), "Where it listens.")
  public let experts = Key<[String]>(
    "peer.experts", default: ["all"], range: .where_("\"all\", or ranges such as \"8-15\"", ExpertRanges.isValid),
    "Experts to use there, of those it says it hosts.")
}

public struct EnergyKeys: ConfigurationSection {
  public let documentation =
    "The energy meter, and the power model for machines without a power rail; its joules are labelled modelled."
  public let sampleMilliseconds = Key<Double>(
    "energy.sample-ms", default: 100, unit: "ms", range: .within(1...60_000), "How often rails are read.")
  public let rails = Key<[String]>(
    "energy.rails", default: [], range: .any("empty: chosen by the board's labels"),
    "Ids of the rails whose sum is this machine's power, as siftctl status shows them.")
  public let meters = Key<[String]>(
    "energy.meters", default: [],
    range: .where_("\"NAME=command:PROGRAM\" or \"NAME=fifo:/PATH\", each name once", RailLines.areMeters),
    "Outside meters: a program or a named pipe that gives a line {\"power_w\": 5.2} or {\"energy_j\": 99.5} a sample.")
  public let pairs = Key<[String]>(
    "energy.pairs", default: [], range: .where_("\"CHIP currN inM\"", RailLines.arePairs),
    "Which voltage belongs to which current on a sensor chip that is not known.")
  public let scale = Key<[String]>(
    "energy.scale", default: [], range: .where_("\"RAIL=FACTOR\" with a factor above 0", RailLines.arePositive),
    "Factors for rails whose shunt or divider the system has wrong.")
  public let limitWatts = Key<[String]>(
    "energy.limit-watts", default: [], unit: "W",
    range: .where_("\"RAIL=WATTS\" with watts above 0", RailLines.arePositive),
    "Power beyond which a rail is not believed; 1000 W for the others.")
  public let parents = Key<[String]>(
    "energy.parents", default: [],
    range: .where_("\"RAIL=RAIL THAT CONTAINS IT\", or \"RAIL=\" for none", RailLines.areParents),
    "Which rail lies in which, where the board is not known.")
  public let kinds = Key<[String]>(
    "energy.kinds", default: [],
    range: .where_("\"RAIL=total\", \"RAIL=part\" or \"RAIL=estimate\"", RailLines.areKinds),
    "What a rail stands for, where the board is not known.")
  public let idleWatts = Key<Double>(
    "energy.idle-watts", default: PowerModel.raspberryPi5.idleWatts, unit: "W", range: .within(0...10_000),
    "Modelled power of this node at rest.")
  public let coreWatts = Key<Double>(
    "energy.core-watts", default: PowerModel.raspberryPi5.wattsPerBusyCore, unit: "W", range: .within(0...1000),
    "Modelled power that one busy core adds.")
  public let ledger = Key<String>(
    "energy.ledger", default: "",
    range: .any("a path, none, or empty: energy.sqlite in STATE_DIRECTORY, if that is set"),
    "The energy ledger: a database of requests, rails and their joules, which siftctl energy reads.")
  public let ledgerDays = Key<Double>(
    "energy.ledger-days", default: 90, unit: "days", range: .within(1...36_500),
    "How long entries of the ledger are kept.")
  public let ledgerMegabytes = Key<Int>(
    "energy.ledger-megabytes", default: 256, unit: "MB", range: .within(1...1_048_576),
    "Size at which the ledger forgets its oldest tenth.")
}

public struct RadioKeys: ConfigurationSection {
  public let documentation = "The radio's power model: what a visit to another node costs."
  public let model = Key<String>(
    "radio.model", default: "ar9280", range: .oneOf(RadioPowerModel.published.keys.sorted()), live: true,
    "Published interface whose coefficients are used.")
  public let transmitWatts = Key<Double>(
    "radio.transmit-watts", default: -1, unit: "W", range: .within(-1...100), live: true,
    "Power that sending adds above idle; -1: the model's.")
  public let receiveWatts = Key<Double>(
    "radio.receive-watts", default: -1, unit: "W", range: .within(-1...100), live: true,
    "Power that receiving adds above idle; -1: the model's.")
  public let frameMillijoules = Key<Double>(
    "radio.frame-mj", default: -1, unit: "mJ", range: .within(-1...1000), live: true,
    "Energy of the host's work for one frame; -1: the model's.")
  public let wakeMillijoules = Key<Double>(
    "radio.wake-mj", default: 0, unit: "mJ", range: .within(0...10_000), live: true,
    "Energy of waking the radio for a layer's first visit.")
  public let account = Key<String>(
    "radio.account", default: "system", range: .oneOf(["gateway", "system"]), live: true,
    "Whose radio joules count: this node's, or those of both ends.")
  public let measured = Key<Bool>(
    "radio.measured", default: false, live: true,
    "The coefficients above were measured on this radio (siftctl calibrate-radio); joules are then derived, not modelled."
  )
}

public struct LinksKeys: ConfigurationSection {
  public let documentation = "How the links to peers are watched."
  public let interval = Key<Double>(
    "links.interval-ms", default: 50, unit: "ms", range: .within(10...10_000), "Time between two polls of the radios.")
  public let busyInterval = Key<Double>(
    "links.busy-interval-ms", default: 10, unit: "ms", range: .within(1...10_000),
    "The same while peers are visited, at most `links.interval-ms`: short enough for a channel that fades to be seen fading."
  )
  public let replay = Key<String>(
    "links.replay", default: "", range: .any("empty: this machine's links"),
    "Recording (siftctl links record) that is played instead of watching this machine's radios.")
}

public struct JournalKeys: ConfigurationSection {
  public let documentation = "Where records go."
  public let to = Key<String>(
    "journal.to", default: "auto", range: .oneOf(["auto", "journal", "stderr", "both"]),
    "auto: the systemd journal where there is one (and standard error when that is a terminal), else standard error.")
  public let level = Key<String>(
    "journal.level", default: "info", range: .oneOf(["debug", "info", "notice", "warning", "error"]), live: true,
    "Least level of what is recorded.")
}
