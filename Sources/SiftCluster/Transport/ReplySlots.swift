// Where replies wait to be fetched. Made once; a slot's room grows to the largest visit it served.

import SiftCore

/// One visit under way.
package final class ReplySlot {
  package enum State {
    case free
    case waiting
    case done(ReplyHeader)
    case failed(String)
  }
  package var state = State.free
  package var number: UInt64 = 0
  var rows = 0
  var encoding = PayloadEncoding.f32
  var bytesUp = 0
  package var sent = ContinuousClock.now
  package var patience = Duration.zero
  /// The reply was being waited for when it came, so that its time of arrival is known.
  var wasAwaited = false
  private(set) var sums = UnsafeMutablePointer<Double>.allocate(capacity: 1)
  private var capacity = 1

  func prepare(elements: Int) {
    guard elements > capacity else { return }
    sums.deallocate()
    sums = .allocate(capacity: elements)
    capacity = elements
  }

  deinit { sums.deallocate() }
}

/// A fixed number of slots; the number of a visit says which is its own.
package struct ReplySlots {
  package static let count = 64
  package init() {}

  private let slots = (0..<Self.count).map { _ in ReplySlot() }
  /// The number that the next visit gets, at least. 0 is never given.
  private(set) var next: UInt64 = 1

  /// A free slot with a new number; nil when all are under way.
  package mutating func take(now: ContinuousClock.Instant) -> ReplySlot? {
    for _ in 0..<Self.count {
      let slot = slots[Int(next % UInt64(Self.count))]
      let number = next
      next += 1
      if case .free = slot.state {
      } else if now - slot.sent < slot.patience + .seconds(10) {
        continue
      }
      // A ticket that nobody redeemed long after its time is forgotten.
      slot.number = number
      slot.state = .waiting
      slot.wasAwaited = false
      return slot
    }
    return nil
  }

  /// The slot of a visit under way; nil when it is over.
  package func find(_ number: UInt64) -> ReplySlot? {
    let slot = slots[Int(number % UInt64(Self.count))]
    if case .free = slot.state { return nil }
    return slot.number == number ? slot : nil
  }

  /// Whether `number` was ever given to a visit.
  package func wasGiven(_ number: UInt64) -> Bool { number >= 1 && number < next }

  /// Ends every visit that waits. - Returns: how many.
  func failAll(_ reason: String) -> Int {
    var failed = 0
    for slot in slots {
      guard case .waiting = slot.state else { continue }
      slot.state = .failed(reason)
      failed += 1
    }
    return failed
  }
}
