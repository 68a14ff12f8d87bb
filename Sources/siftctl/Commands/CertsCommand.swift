// siftctl certs: a private certificate authority and a certificate for every node.

import ArgumentParser
import Foundation
import SiftCluster
import SiftTools

struct CertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certs",
    abstract: "Make the certificates with which nodes know one another.",
    discussion: """
      Writes ca.pem, ca-key.pem, and NODE.pem and NODE-key.pem for every node into a folder. When the folder has an \
      authority already, it signs the new certificates; so a node is added by calling this again with its name. Each \
      node needs ca.pem and its own two files; keep ca-key.pem somewhere else: whoever has it can join the cluster.

      Example: siftctl certs --out certs --node gateway --node a --address a=192.168.1.20 --node b
      """)

  @Option(help: "The folder; made if it is not there.")
  var out: String

  @Option(name: .customLong("node"), help: "Name of a node, as in its configuration. Repeat for each.")
  var nodes: [String]

  @Option(
    name: .customLong("address"),
    help: "NODE=ADDRESS: a host name or IP address to note in the node's certificate. Nodes do not check it.")
  var addresses: [String] = []

  @Option(help: "Validity in days, 1 to 36500.")
  var days = 1095

  @Flag(help: "Replace node files that exist. An authority is never replaced.")
  var force = false

  func validate() throws {
    guard (1...36_500).contains(days) else { throw ValidationError("--days: \(days) is not in 1...36500") }
    guard !nodes.isEmpty else { throw ValidationError("--node: name at least one node") }
    guard Set(nodes).count == nodes.count else { throw ValidationError("--node: a name is given twice") }
    for address in addresses where split(address) == nil {
      throw ValidationError("--address: \"\(address)\" is not NODE=ADDRESS with one of the nodes named here")
    }
  }

  func run() throws {
    let parts = addresses.compactMap(split)
    let named = nodes.map { node in (name: node, addresses: parts.filter { $0.node == node }.map(\.address)) }
    do {
      let written = try CertificateFolder(path: out, force: force).fill(nodes: named, now: Date(), days: days)
      for file in written { print(file) }
    } catch let error as ClusterTLSError {
      throw ToolFailure(Self.status(error), "certs: \(error)")
    }
  }

  private static func status(_ error: ClusterTLSError) -> ExitStatus {
    switch error {
    case .badName: .usage
    case .exists, .unreadable: .cannotWrite
    case .exposedKey, .malformed, .mismatch, .foreignAuthority, .expired, .noName, .library: .badData
    }
  }

  private func split(_ text: String) -> (node: String, address: String)? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    let node = String(text[..<equals])
    let address = String(text[text.index(after: equals)...])
    return nodes.contains(node) && !address.isEmpty ? (node, address) : nil
  }
}
