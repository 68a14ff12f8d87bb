// Whose joules they were: nothing is lost and nothing is counted twice, however requests overlap and rails come and go.

import EnergyMeter
import SiftCore
import SiftTestKit
import Testing

@Suite struct AttributionTests {
  private func near(_ a: Double, _ b: Double, scale: Double = 1) -> Bool { abs(a - b) <= 1e-9 * max(1, scale) }

  /// Requests that come and go over rails that come and go; every interval's law is checked, and at the end that what
  /// requests took away is what the rails gave them.
  @Test(arguments: 0..<200)
  func nothingIsLostAndNothingIsCountedTwice(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var books = AttributionBooks()
    var open: [UInt64] = []
    var next: UInt64 = 1
    var taken = 0.0
    var idleTaken = 0.0
    var given = 0.0
    var takenOfRails: [String: Double] = [:]
    var givenByRails: [String: Double] = [:]
    var scale = 1.0
    let hasTree = Bool.random(using: &generator)
    for _ in 0..<60 {
      let rails = RandomRails.make(hasTree: hasTree, &generator)
      for request in open where Int.random(in: 0..<4, using: &generator) > 0 {
        books.work(
          request, seconds: Double.random(in: 0...2, using: &generator),
          radio: Bool.random(using: &generator) ? Double.random(in: 0...1, using: &generator) : 0)
      }
      if Int.random(in: 0..<3, using: &generator) == 0 {
        books.workOfOthers(seconds: Double.random(in: 0...1, using: &generator))
      }
      let splits = books.settle(rails)
      #expect(splits.map(\.id) == rails.map(\.id))
      for (rail, split) in zip(rails, splits) {
        #expect(split.joules == rail.joules)
        #expect(
          near(split.requests + (split.idle ?? 0) + split.unattributed, rail.joules, scale: abs(rail.joules)),
          "\(rail)")
      }
      let totals = zip(rails, splits).filter { $0.0.parent == nil && $0.0.coverage > 0 }
      given += totals.reduce(0) { $0 + $1.1.requests }
      if !open.isEmpty { idleTaken += totals.reduce(0) { $0 + ($1.0.idle ?? 0) } }
      scale += totals.reduce(0) { $0 + abs($1.0.joules) }
      for (rail, split) in zip(rails, splits) where rail.coverage > 0 {
        givenByRails[rail.id, default: 0] += split.requests
      }
      // Up to 32 at once, ending and beginning at random.
      for request in open where Int.random(in: 0..<8, using: &generator) == 0 {
        let share = books.close(request)
        taken += share.dynamic
        for part in share.rails { takenOfRails[part.rail, default: 0] += part.joules }
        idleTaken -= share.idle
        open.removeAll { $0 == request }
      }
      while open.count < 32, Int.random(in: 0..<3, using: &generator) > 0 {
        books.open(next)
        open.append(next)
        next += 1
      }
    }
    for request in open {
      let share = books.close(request)
      taken += share.dynamic
      idleTaken -= share.idle
      for part in share.rails { takenOfRails[part.rail, default: 0] += part.joules }
    }
    for (rail, joules) in givenByRails {
      #expect(near(takenOfRails[rail] ?? 0, joules, scale: scale), "\(rail): \(takenOfRails[rail] ?? 0) of \(joules)")
    }
    #expect(books.isEmpty && next > 30)
    #expect(near(taken, given, scale: scale))
    #expect(near(idleTaken, 0, scale: scale))
  }

  @Test func requestsShareByTheWorkTheyDidAndNotByHowLongTheyWereThere() {
    var books = AttributionBooks()
    books.open(1)
    books.open(2)
    books.work(1, seconds: 3)
    books.work(2, seconds: 1)
    _ = books.settle([RailInterval(id: "VDD_IN", joules: 14, idle: 6)])
    // The second goes on alone.
    #expect(books.close(1).dynamic == 6)
    books.work(2, seconds: 0.1)
    _ = books.settle([RailInterval(id: "VDD_IN", joules: 7, idle: 6)])
    let second = books.close(2)
    #expect(second.dynamic == 3 && second.idle == 6 * 0.25 + 6 && second.standing == .measured)
  }

  @Test func workThatNobodyAskedForIsNobodys() {
    var books = AttributionBooks()
    books.open(1)
    books.work(1, seconds: 1)
    books.workOfOthers(seconds: 3)
    let split = books.settle([RailInterval(id: "VDD_IN", joules: 10, idle: 2)])[0]
    #expect(split.requests == 2 && split.unattributed == 6)
    // A request that did nothing pays nothing above idle, and nobody pays when nothing works.
    let next = books.settle([RailInterval(id: "VDD_IN", joules: 10, idle: 2)])[0]
    #expect(next.requests == 0 && next.unattributed == 8)
    #expect(books.close(1).dynamic == 2)
  }

  @Test func theRadiosRailIsSharedByAirtimeAndTheRestByWork() {
    var books = AttributionBooks()
    books.open(1)
    books.open(2)
    // The first computes everything, the second sends everything.
    books.work(1, seconds: 1)
    books.work(2, seconds: 0, radio: 0.5)
    let splits = books.settle([
      RailInterval(id: "VDD_IN", joules: 20, idle: 10),
      RailInterval(id: "VDD_3V8_WIFI", parent: "VDD_IN", role: .radio, joules: 4, idle: 1),
      RailInterval(id: "VDD_CPU", parent: "VDD_IN", role: .compute, joules: 6, idle: 2),
    ])
    #expect(splits.map(\.requests) == [10, 3, 4])
    let (first, second) = (books.close(1), books.close(2))
    #expect(first.dynamic == 7 && first.radio == 0 && first.compute == 4)
    #expect(second.dynamic == 3 && second.radio == 3 && second.compute == 0)
  }

  @Test func aPartThatWasSeenForLessOfTheTimeIsNotToldApart() {
    var books = AttributionBooks()
    books.open(1)
    books.open(2)
    books.work(1, seconds: 1)
    books.work(2, seconds: 0, radio: 0.5)
    _ = books.settle([
      RailInterval(id: "VDD_IN", joules: 20, idle: 10),
      RailInterval(id: "VDD_3V8_WIFI", parent: "VDD_IN", role: .radio, joules: 2, idle: 0.5, coverage: 0.5),
    ])
    #expect(books.close(1).dynamic == 10)
    #expect(books.close(2).dynamic == 0)
  }

  @Test func whileTheIdleLevelIsNotKnownARequestGetsAllAndSaysSo() {
    var books = AttributionBooks()
    books.open(1)
    books.work(1, seconds: 1)
    let split = books.settle([RailInterval(id: "VDD_IN", joules: 9, idle: nil)])[0]
    #expect(split.idle == nil && split.requests == 9)
    let share = books.close(1)
    #expect(share.total == 9 && !share.isIdleKnown)
  }

  @Test(arguments: [
    ("VDD_3V8_WIFI", RailRole.radio), ("3V7_WL_SW_A", .radio), ("VDD_CPU_GPU_CV", .compute), ("VDD_SOC", .compute),
    ("package-0", .compute), ("dram", .compute), ("VDD_IN", .whole), ("VIN_SYS_5V0", .whole), ("WLED", .whole),
  ])
  func aLabelSaysWhatARailFeeds(label: String, role: RailRole) { #expect(RailRole(label: label) == role) }
}

/// One or several rails of the total, perhaps with parts; gaps, vanished rails, unknown idle levels, batteries' signs.
enum RandomRails {
  static func make(hasTree: Bool, _ generator: inout SeededGenerator) -> [RailInterval] {
    var rails: [RailInterval] = []
    for number in 0..<Int.random(in: 1...3, using: &generator) {
      let rail = one("total-\(number)", parent: nil, role: .whole, &generator)
      rails.append(rail)
      guard hasTree else { continue }
      if Bool.random(using: &generator) {
        rails.append(one("radio-\(number)", parent: rail.id, role: .radio, &generator))
      }
      if Bool.random(using: &generator) {
        rails.append(one("cpu-\(number)", parent: rail.id, role: .compute, &generator))
      }
    }
    return rails.shuffled(using: &generator)
  }

  private static func one(_ id: String, parent: String?, role: RailRole, _ generator: inout SeededGenerator)
    -> RailInterval
  {
    // A rail that vanished says nothing at all.
    guard Int.random(in: 0..<6, using: &generator) > 0 else {
      return RailInterval(id: id, parent: parent, role: role, joules: 0, idle: 0, coverage: 0)
    }
    let coverage = Bool.random(using: &generator) ? 1 : Double.random(in: 0.1...1, using: &generator)
    let joules = Double.random(in: -2...40, using: &generator) * coverage
    let idle = Int.random(in: 0..<5, using: &generator) > 0 ? Double.random(in: 0...10, using: &generator) : nil
    return RailInterval(id: id, parent: parent, role: role, joules: joules, idle: idle, coverage: coverage)
  }
}
