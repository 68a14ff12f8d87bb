// The other process: an echo and two expert servers.

import ExpertExec
import Foundation
import SiftCluster
import SiftCore

/// Two nodes never share a processor; two processes on a busy machine do, and an exchange then costs no more than two
/// switches between them. So each process is bound to a core of its own where there are two.
enum Core {
  /// Binds all threads of this process, by taskset(1).
  static func bind(_ core: Int) {
    guard sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 else { return }
    let taskset = Process()
    taskset.executableURL = URL(filePath: "/usr/bin/taskset")
    taskset.arguments = ["-a", "-c", "-p", String(core), String(getpid())]
    taskset.standardOutput = FileHandle.nullDevice
    guard (try? taskset.run()) != nil else {
      return FileHandle.standardError.write(Data("peer-bench: taskset is missing; cores are shared\n".utf8))
    }
    taskset.waitUntilExit()
  }
}

enum HostProcess {
  static func tls(_ folder: String, _ name: String) throws -> ClusterTLS {
    try ClusterTLS(
      certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name)-key.pem", authority: "\(folder)/ca.pem")
  }

  /// Serves until standard input ends, after saying the ports on standard output.
  static func run(folder: String) async throws {
    let tls = try tls(folder, "host")
    let narrow = ExpertServer(host: TrivialHost(width: 2048), address: "127.0.0.1", port: 0, tls: tls)
    let wide = ExpertServer(host: TrivialHost(width: 1024), address: "127.0.0.1", port: 0, tls: tls)
    let ports = [Plain.serveEcho(bytes: 4096), try await narrow.start(), try await wide.start()]
    print(ports.map(String.init).joined(separator: " "))
    fflush(nil)
    while readLine() != nil {}
  }
}

/// The host as a child process.
final class HostChild {
  let echoPort: Int
  let bf16Port: Int
  let f32Port: Int
  private let process = Process()
  private let input = Pipe()

  init(folder: String, isShared: Bool) throws {
    let output = Pipe()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = (isShared ? ["--shared"] : []) + ["--host", folder]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    let ports = line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    guard ports.count == 3 else { throw BenchFailure("the host did not say its ports") }
    (echoPort, bf16Port, f32Port) = (ports[0], ports[1], ports[2])
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}

/// Answers with zeros: what is measured is the way there and back.
final class TrivialHost: ExpertHosting {
  static let hash = ContentHash(bytes: [UInt8](repeating: 1, count: 32)) ?? { fatalError("32 bytes are a hash") }()
  var modelHash: ContentHash { Self.hash }
  let arithmetic = "fma16"
  let width: Int
  let layers = 1
  init(width: Int) { self.width = width }
  func hostedExperts(layer: Int) -> [Int] { [0] }
  func execute(_ visit: ExpertVisit, sums: UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) {
    sums.update(repeating: 0)
  }
}
