// What must hold between keys.

import HostIO
import SiftPolicy

/// A rule between keys that is broken.
struct RuleViolation {
  let key: String
  let message: String
}

enum ConfigurationRules {
  static func violations(of configuration: Configuration) -> [RuleViolation] {
    api(configuration) + cluster(configuration) + peers(configuration) + role(configuration)
      + policy(configuration)
  }

  private static func api(_ configuration: Configuration) -> [RuleViolation] {
    guard let address = ListenAddress(internet: configuration[Keys.api.listen]), !address.isLoopback,
      !configuration[Keys.api.allowRemote]
    else { return [] }
    return [
      RuleViolation(
        key: Keys.api.listen.path,
        message: "\(address) is reachable from other machines; set api.allow-remote = true if that is meant")
    ]
  }

  /// A quality target means something to SiftMoE alone: the others' budgets are shares of weight, of chance or of time.
  private static func policy(_ configuration: Configuration) -> [RuleViolation] {
    let name = configuration[Keys.policy.name]
    guard !configuration[Keys.policy.perplexityIncrease].isEmpty, !name.hasPrefix(PolicyName.siftmoe.rawValue) else {
      return []
    }
    return [
      RuleViolation(
        key: Keys.policy.perplexityIncrease.path, message: "goes with policy.name = \"siftmoe\", not \(name.literal)")
    ]
  }

  private static func cluster(_ configuration: Configuration) -> [RuleViolation] {
    guard !configuration[Keys.cluster.listen].isEmpty || !configuration.peers.isEmpty else { return [] }
    return [Keys.cluster.certificate, Keys.cluster.key, Keys.cluster.authority].compactMap { key in
      guard configuration[key].isEmpty else { return nil }
      return RuleViolation(key: key.path, message: "is needed to talk to other nodes; siftctl certs makes the files")
    }
  }

  private static func peers(_ configuration: Configuration) -> [RuleViolation] {
    var violations: [RuleViolation] = []
    var names: Set<String> = [configuration[Keys.node.name]]
    for (index, peer) in configuration.peers.enumerated() {
      for key in [Keys.peer.name, Keys.peer.address] where !peer.isSet(key) {
        violations.append(RuleViolation(key: "peer[\(index)].\(key.name)", message: "is missing"))
      }
      if peer.isSet(Keys.peer.name), !names.insert(peer[Keys.peer.name]).inserted {
        violations.append(
          RuleViolation(key: "peer[\(index)].name", message: "\(peer[Keys.peer.name].literal) is taken by another node")
        )
      }
    }
    return violations
  }

  private static func role(_ configuration: Configuration) -> [RuleViolation] {
    guard configuration[Keys.node.role] == "expert-host" else { return [] }
    var violations: [RuleViolation] = []
    if configuration[Keys.cluster.listen].isEmpty {
      violations.append(
        RuleViolation(key: Keys.cluster.listen.path, message: "an expert host needs an address to listen on"))
    }
    if !configuration.peers.isEmpty {
      violations.append(
        RuleViolation(key: "peer[0]", message: "an expert host has no peers: only a gateway visits others"))
    }
    return violations
  }
}
