// What both roles need from the configuration: the model, its experts here, certificates, meter.

import EnergyMeter
import ExpertExec
import Glibc
import HostIO
import SiftCluster
import SiftCore

/// A node's parts, built and checked before anything runs.
struct NodeSetup {
  let configuration: Configuration
  let engine: Engine
  /// `[layer][…]` the experts executed here; nil for all.
  let hosted: [[Int]]?
  let tls: ClusterTLS?
  /// This node's name: of the certificate, the configuration or the host, the first there is.
  let name: String
  let meter: RailMeter

  /// - Parameters:
  ///   - sysfs, clock: where rails are read and by which time.
  ///   - environment: a variable of the process's environment.
  init(
    _ configuration: Configuration, sysfs: SysfsRoot, clock: some Clock<Duration>,
    environment: (String) -> String?
  ) throws(DaemonFailure) {
    self.configuration = configuration
    tls = try Self.certificates(configuration, environment)
    name = try Self.name(configuration, tls)
    engine = try Self.engine(configuration, environment)
    hosted = Self.hosted(configuration[Keys.model.experts], engine)
    meter = try MeterSetup.make(configuration, sysfs: sysfs, clock: clock)
  }

  var modelName: String {
    let name = configuration[Keys.model.name]
    if !name.isEmpty { return name }
    let folder = configuration[Keys.model.path].split(separator: "/").last.map(String.init)
    return folder ?? "model"
  }

  /// `[layer]` → experts, 0 for a dense one.
  var expertCounts: [Int] { engine.description.layers.indices.map { engine.experts(layer: $0) } }

  /// The experts executed here, layer by layer.
  var localExperts: [[Int]] { hosted ?? expertCounts.map { Array(0..<$0) } }

  /// Seconds to execute one expert for one token before anything was measured: its weights, read at 8 GB/s.
  var expertSeconds: Double {
    let sparse = engine.description.layers.compactMap { layer -> Int? in
      if case .sparse(_, let inner) = layer.mlp { inner } else { nil }
    }
    return Double(3 * 2 * engine.description.width * (sparse.first ?? 0)) / 8e9
  }

  // MARK: Parts

  private static func engine(_ configuration: Configuration, _ environment: (String) -> String?) throws(DaemonFailure)
    -> Engine
  {
    let wanted = configuration[Keys.model.threads]
    let cache = configuration[Keys.model.cache]
    do {
      return try Engine(
        folder: configuration[Keys.model.path], threads: wanted > 0 ? wanted : allowedCores,
        hashCache: cache.isEmpty ? environment("CACHE_DIRECTORY") : cache)
    } catch {
      throw DaemonFailure(.model, "\(error)")
    }
  }

  /// Cores this process may use: taskset, cpusets of its group and CPUAffinity= count.
  static var allowedCores: Int {
    let online = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    guard let status = try? readSmallFile("/proc/self/status", limit: 1 << 16) else { return online }
    let mask = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
    guard let digits = mask?.split(separator: "\t").last else { return online }
    let bits = digits.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
    // The mask may name cores that do not exist.
    return bits > 0 ? min(bits, online) : online
  }

  private static func hosted(_ words: [String], _ engine: Engine) -> [[Int]]? {
    guard words != ["all"] else { return nil }
    return engine.description.layers.indices.map {
      ExpertRanges.experts(words, of: engine.experts(layer: $0)) ?? []
    }
  }

  private static func name(_ configuration: Configuration, _ tls: ClusterTLS?) throws(DaemonFailure) -> String {
    let wanted = configuration[Keys.node.name]
    if let tls {
      guard wanted.isEmpty || wanted == tls.nodeName else {
        throw DaemonFailure(
          .configuration,
          "node.name is \(wanted.literal), but the certificate in cluster.certificate is of \(tls.nodeName.literal)"
        )
      }
      return tls.nodeName
    }
    if !wanted.isEmpty { return wanted }
    var buffer = [UInt8](repeating: 0, count: 256)
    let answer = buffer.withUnsafeMutableBytes { bytes -> Int32 in
      guard let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return -1 }
      return gethostname(base, bytes.count - 1)
    }
    return answer == 0 ? String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) : "node"
  }

  private static func certificates(_ configuration: Configuration, _ environment: (String) -> String?)
    throws(DaemonFailure) -> ClusterTLS?
  {
    guard !configuration[Keys.cluster.listen].isEmpty || !configuration.peers.isEmpty else { return nil }
    var paths: [String] = []
    for key in [Keys.cluster.certificate, Keys.cluster.key, Keys.cluster.authority] {
      paths.append(try credential(configuration[key], key.path, environment))
    }
    do {
      return try ClusterTLS(certificate: paths[0], key: paths[1], authority: paths[2])
    } catch {
      throw DaemonFailure(.configuration, "\(error)")
    }
  }

  private static func credential(_ path: String, _ key: String, _ environment: (String) -> String?)
    throws(DaemonFailure) -> String
  {
    guard path.hasPrefix("credential:") else { return path }
    guard let folder = environment("CREDENTIALS_DIRECTORY") else {
      throw DaemonFailure(
        .configuration, "\(key): \(path) needs a systemd credential (LoadCredential= in the unit), and there are none")
    }
    return folder + "/" + path.dropFirst("credential:".count)
  }
}
