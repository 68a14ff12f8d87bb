// The real thing: PeerTransport's send and receive against ExpertServer, with a host that computes next to nothing.

import ExpertExec
import Foundation
import SiftCluster
import SiftCore

/// One visit of one row for one expert.
final class VisitWay: Way {
  let name: String
  private let transport: PeerTransport
  private let width: Int
  private let hidden: [Float]
  private let counts: [Int32] = [1]
  private let experts: [Int32] = [0]
  private let weights: [Float] = [1]
  private let sums: UnsafeMutableBufferPointer<Double>

  init(_ name: String, _ host: HostChild, _ folder: String, _ encoding: PayloadEncoding, width: Int, port: Int) throws {
    self.name = name
    self.width = width
    hidden = (0..<width).map { Float($0 % 7) - 3 }
    sums = .allocate(capacity: width)
    let connected = DispatchSemaphore(value: 0)
    transport = PeerTransport(
      peers: [PeerAddress(name: "host", host: "127.0.0.1", port: port)], tls: try HostProcess.tls(folder, "gateway"),
      modelHash: TrivialHost.hash, arithmetic: "fma16", width: width, layers: 1, encoding: encoding,
      onEvent: { event in
        if case .connected = event.change { connected.signal() } else { print(event) }
      })
    transport.start()
    guard connected.wait(timeout: .now() + 10) == .success else { throw BenchFailure("the host cannot be reached") }
  }

  func exchange() -> Bool {
    let ticket = hidden.withUnsafeBufferPointer { hidden in
      counts.withUnsafeBufferPointer { counts in
        experts.withUnsafeBufferPointer { experts in
          weights.withUnsafeBufferPointer { weights in
            hidden.baseAddress.flatMap { start in
              transport.send(
                ExpertVisit(
                  node: NodeIndex(1), layer: 0, width: width, rows: 1, hidden: start, counts: counts, experts: experts,
                  weights: weights, patience: .seconds(1)))
            }
          }
        }
      }
    }
    guard let ticket else { return false }
    if case .done = transport.receive(ticket, until: .now + .seconds(1), sums: sums) { return true }
    return false
  }

  func end() { transport.stop() }
}
