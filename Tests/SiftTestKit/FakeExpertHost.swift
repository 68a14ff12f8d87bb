// An expert host whose experts are one multiplication each, and which can be told to wait, fail or answer nonsense.

import ExpertExec
import SiftCore
import Synchronization

/// Expert e of layer l maps x to (1 + e + 100·l) · x; the weighted sum is taken on the 2⁻³² grid, as the real one's.
public final class FakeExpertHost: ExpertHosting {
  public let modelHash: ContentHash
  public let arithmetic: String
  public let width: Int
  public let layers: Int
  private let hosted: [Int]
  private let behaviour = Mutex<
    (@Sendable (ExpertVisit, UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) -> Void)?
  >(nil)
  private let count = Atomic<Int>(0)

  public init(hash: ContentHash, width: Int, layers: Int, hosted: [Int], arithmetic: String = "fma16") {
    self.modelHash = hash
    self.width = width
    self.layers = layers
    self.hosted = hosted
    self.arithmetic = arithmetic
  }

  /// Visits executed so far.
  public var executions: Int { count.load(ordering: .acquiring) }

  /// Called after the sums were computed: may change them, throw, or hold the visit up. nil: nothing special.
  public func behave(
    _ body: (@Sendable (ExpertVisit, UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) -> Void)?
  ) {
    behaviour.withLock { $0 = body }
  }

  public func hostedExperts(layer: Int) -> [Int] { hosted }

  public func execute(_ visit: ExpertVisit, sums: UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) {
    guard visit.layer < layers else { throw .noSuchLayer(visit.layer, layers: layers) }
    for expert in visit.experts where !hosted.contains(Int(expert)) {
      throw .notHosted(layer: visit.layer, expert: Int(expert))
    }
    Self.sum(visit, into: sums)
    count.add(1, ordering: .acquiringAndReleasing)
    if let body = behaviour.withLock({ $0 }) { try body(visit, sums) }
  }

  /// The sums that this host answers with: the slow way, for comparison.
  public static func sum(_ visit: ExpertVisit, into sums: UnsafeMutableBufferPointer<Double>) {
    var pair = 0
    for row in 0..<visit.rows {
      for k in 0..<visit.width { sums[row * visit.width + k] = 0 }
      for _ in 0..<Int(visit.counts[row]) {
        let factor = Double(visit.weights[pair]) * Double(1 + Int(visit.experts[pair]) + 100 * visit.layer)
        for k in 0..<visit.width {
          let term = factor * Double(visit.hidden[row * visit.width + k])
          sums[row * visit.width + k] += (term * 0x1p32).rounded() * 0x1p-32
        }
        pair += 1
      }
    }
  }
}
