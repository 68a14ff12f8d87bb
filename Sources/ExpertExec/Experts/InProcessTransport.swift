// The transport's obvious twin: hosts in this process, called directly. What travels over sockets must give the same.

import SiftCore
import Synchronization

/// Carries visits to expert hosts in this process. Each host works on a copy of the visit when its reply is asked for.
///
/// A `script` stands in for what a network may do: it sees every visit and says how it ends.
package final class InProcessTransport: ExpertTransport {
  /// What happens to a visit.
  package enum Fate: Sendable {
    case delivered
    /// The node cannot be reached when sending.
    case unreachable
    case late
    case lost(String)
    /// Delivered, but the sums are replaced by this figure.
    case answered(Double)
  }

  /// A visit as it was sent.
  package struct Letter: Sendable {
    package let node: NodeIndex
    package let layer: Int
    package let rows: Int
    package let hidden: [Float]
    package let counts: [Int32]
    package let experts: [Int32]
    package let weights: [Float]
    package let patience: Duration
  }

  private struct State {
    var number: UInt64 = 0
    var letters: [UInt64: (letter: Letter, fate: Fate)] = [:]
    var sent: [Letter] = []
  }

  private let hosts: [any ExpertHosting]
  private let script: @Sendable (Letter) -> Fate
  private let state = Mutex(State())

  /// - Parameter hosts: host n − 1 is node n.
  package init(
    hosts: [any ExpertHosting], script: @escaping @Sendable (Letter) -> Fate = { _ in .delivered }
  ) {
    self.hosts = hosts
    self.script = script
  }

  /// Every visit that was sent so far, in order.
  package var sent: [Letter] { state.withLock { $0.sent } }

  package func send(_ visit: ExpertVisit) -> VisitTicket? {
    guard hosts.indices.contains(visit.node.rawValue - 1) else { return nil }
    let letter = Letter(
      node: visit.node, layer: visit.layer, rows: visit.rows,
      hidden: Array(UnsafeBufferPointer(start: visit.hidden, count: visit.rows * visit.width)),
      counts: Array(visit.counts), experts: Array(visit.experts), weights: Array(visit.weights),
      patience: visit.patience)
    let fate = script(letter)
    if case .unreachable = fate { return nil }
    return state.withLock { state in
      state.number += 1
      state.letters[state.number] = (letter, fate)
      state.sent.append(letter)
      return VisitTicket(node: visit.node, number: state.number)
    }
  }

  package func receive(
    _ ticket: VisitTicket, until deadline: ContinuousClock.Instant, sums: UnsafeMutableBufferPointer<Double>
  ) -> VisitOutcome {
    guard let (letter, fate) = state.withLock({ $0.letters.removeValue(forKey: ticket.number) }) else {
      return .lost(reason: "no such visit")
    }
    switch fate {
    case .late: return .late
    case .lost(let reason): return .lost(reason: reason)
    case .unreachable: return .lost(reason: "unreachable")
    case .answered(let figure):
      sums.update(repeating: figure)
      return .done(execution: .zero, energy: nil, standing: nil)
    case .delivered: return execute(letter, sums)
    }
  }

  private func execute(_ letter: Letter, _ sums: UnsafeMutableBufferPointer<Double>) -> VisitOutcome {
    let host = hosts[letter.node.rawValue - 1]
    return letter.hidden.withUnsafeBufferPointer { hidden in
      letter.counts.withUnsafeBufferPointer { counts in
        letter.experts.withUnsafeBufferPointer { experts in
          letter.weights.withUnsafeBufferPointer { weights in
            guard let base = hidden.baseAddress else { return .lost(reason: "an empty visit") }
            let visit = ExpertVisit(
              node: letter.node, layer: letter.layer, width: host.width, rows: letter.rows, hidden: base,
              counts: counts, experts: experts, weights: weights, patience: letter.patience)
            do throws(ExpertHostingError) { try host.execute(visit, sums: sums) } catch {
              return .lost(reason: error.description)
            }
            return .done(execution: .zero, energy: nil, standing: nil)
          }
        }
      }
    }
  }
}
