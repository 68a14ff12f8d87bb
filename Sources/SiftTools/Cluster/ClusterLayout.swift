// How a model is spread over a gateway and expert hosts on one machine, and the configuration of each: pure text.

/// A cluster on loopback: element 0 is the gateway, the others are expert hosts.
public struct ClusterLayout: Sendable, Hashable {
  /// One node of it.
  public struct Node: Sendable, Hashable {
    public var name: String
    /// The experts it executes, the same in every layer.
    public var experts: ClosedRange<Int>
    /// Where it executes them for others; unused for the gateway.
    public var port: UInt16
    /// Where the gateway looks for it: `port`, or something in between.
    public var visitedAt: UInt16
    /// Folder of its model, if not the cluster's.
    public var model: String?
  }
  /// Folder of the model, absolute.
  public var model: String
  /// What the API calls it.
  public var modelName: String
  /// Folder for configurations, certificates and logs, absolute.
  public var folder: String
  /// The gateway's Unix socket, absolute.
  public var socket: String
  /// The gateway's TCP port for the HTTP API.
  public var apiPort: UInt16
  public var nodes: [Node]
  /// Threads each node computes with.
  public var threads: Int
  /// `f32` or `bf16`.
  public var encoding: String
  /// More lines for every node's file, by section: `["policy": ["latency-ms = 200"]]`.
  public var extra: [String: [String]] = [:]

  /// - Parameters:
  ///   - experts: experts of a layer of the model; split evenly, the gateway gets what is left over.
  ///   - ports: one for the API, then one for each expert host.
  /// - Precondition: `ports` has one element or more, and no more than `experts`.
  public init(
    model: String, modelName: String, experts: Int, folder: String, socket: String, ports: [UInt16], threads: Int,
    encoding: String = "f32"
  ) {
    precondition(!ports.isEmpty && ports.count <= experts, "\(ports.count) nodes for \(experts) experts")
    self.model = model
    self.modelName = modelName
    self.folder = folder
    self.socket = socket
    self.apiPort = ports[0]
    self.threads = threads
    self.encoding = encoding
    let share = experts / ports.count
    let first = experts - share * (ports.count - 1)
    nodes = ports.indices.map { index in
      let start = index == 0 ? 0 : first + (index - 1) * share
      let end = index == 0 ? first : start + share
      return Node(
        name: index == 0 ? "gateway" : "host-\(index)", experts: start...(end - 1), port: ports[index],
        visitedAt: ports[index])
    }
  }

  /// Where the configuration of a node is written.
  public func configurationFile(of node: Int) -> String { "\(folder)/\(nodes[node].name).toml" }
  /// Where its standard error goes.
  public func log(of node: Int) -> String { "\(folder)/\(nodes[node].name).log" }
  /// Folder of the sockets.
  public var sockets: String { String(socket.prefix(upTo: socket.lastIndex(of: "/") ?? socket.startIndex)) }
  /// Folder of the certificates.
  public var certificates: String { "\(folder)/certificates" }

  /// The node's siftd.toml.
  public func configuration(of node: Int) -> String {
    var sections: [(name: String, lines: [String])] = [
      ("node", ["name = \"\(nodes[node].name)\"", "role = \"\(node == 0 ? "gateway" : "expert-host")\""]),
      (
        "model",
        [
          "path = \(Self.quoted(nodes[node].model ?? model))", "name = \(Self.quoted(modelName))",
          "threads = \(threads)",
          "experts = [\"\(Self.text(nodes[node].experts))\"]",
        ]
      ),
      ("api", api(of: node)), ("cluster", cluster(of: node)), ("journal", ["to = \"stderr\""]),
    ]
    for (name, lines) in extra.sorted(by: { $0.key < $1.key }) {
      if let at = sections.firstIndex(where: { $0.name == name }) {
        sections[at].lines += lines
      } else {
        sections.append((name, lines))
      }
    }
    let peers = node == 0 ? nodes.dropFirst().map(Self.peer) : []
    return sections.map { "[\($0.name)]\n" + $0.lines.joined(separator: "\n") + "\n" }.joined(separator: "\n")
      + peers.map { "\n" + $0 }.joined()
  }

  private func api(of node: Int) -> [String] {
    node == 0
      ? ["socket = \(Self.quoted(socket))", "listen = \"127.0.0.1:\(apiPort)\""]
      : ["socket = \"\"", "listen = \"\""]
  }

  private func cluster(of node: Int) -> [String] {
    let name = nodes[node].name
    return (node == 0 ? [] : ["listen = \"127.0.0.1:\(nodes[node].port)\""]) + [
      "certificate = \(Self.quoted("\(certificates)/\(name).pem"))",
      "key = \(Self.quoted("\(certificates)/\(name)-key.pem"))",
      "authority = \(Self.quoted("\(certificates)/ca.pem"))",
      "encoding = \"\(encoding)\"",
    ]
  }

  private static func peer(_ node: Node) -> String {
    """
    [[peer]]
    name = "\(node.name)"
    address = "127.0.0.1:\(node.visitedAt)"
    experts = ["\(text(node.experts))"]

    """
  }

  private static func text(_ experts: ClosedRange<Int>) -> String { "\(experts.lowerBound)-\(experts.upperBound)" }

  /// A TOML string: a path may hold anything.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case "\u{0}"..<" ", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
