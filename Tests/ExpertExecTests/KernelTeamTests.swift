// The team of threads: every index once a run, whatever the number of threads.
import CExpertKernels
import Testing

@Suite("A team of threads")
struct KernelTeamTests {
  /// What the members share: a counter to claim from, and a place for each item.
  private struct Board {
    var visits: UnsafeMutablePointer<Int>
    var counter = 0
  }

  @Test("runs every index exactly once, run after run", arguments: 1...4)
  func everyIndexOnce(threads: Int) throws {
    let team = try #require(ek_team_make(threads))
    defer { ek_team_destroy(team) }
    #expect(ek_team_threads(team) == threads)
    let visits = UnsafeMutablePointer<Int>.allocate(capacity: 2 * threads)
    visits.initialize(repeating: 0, count: 2 * threads)
    defer { visits.deallocate() }
    for run in 1...20_000 {
      ek_team_run(
        team,
        { context, index, threads in
          guard let visits = context?.assumingMemoryBound(to: Int.self) else { return }
          visits[index] += 1
          visits[threads + index] += threads
        }, visits)
      for index in 0..<threads {
        try #require(visits[index] == run && visits[threads + index] == run * threads)
      }
    }
  }

  @Test("divides claimed work so that every item is done once", arguments: 1...4)
  func everyItemOnce(threads: Int) throws {
    let team = try #require(ek_team_make(threads))
    defer { ek_team_destroy(team) }
    let items = UnsafeMutablePointer<Int>.allocate(capacity: 100)
    items.initialize(repeating: 0, count: 100)
    defer { items.deallocate() }
    for run in 1...2_000 {
      var board = Board(visits: items)
      ek_team_run(
        team,
        { context, _, _ in
          guard let board = context?.assumingMemoryBound(to: Board.self) else { return }
          while true {
            let item = claim(&board.pointee.counter)
            if item >= 100 { return }
            board.pointee.visits[item] += 1
          }
        }, &board)
      for item in 0..<100 { try #require(items[item] == run) }
    }
  }

  @Test("wakes from sleep")
  func wakes() throws {
    let team = try #require(ek_team_make(3))
    defer { ek_team_destroy(team) }
    let visits = UnsafeMutablePointer<Int>.allocate(capacity: 3)
    visits.initialize(repeating: 0, count: 3)
    defer { visits.deallocate() }
    for run in 1...50 {
      // Long enough for the helpers to leave their spin: work of the caller alone, not a pause of the clock.
      var work: [Float] = [Float](repeating: 1, count: 4096)
      for _ in 0..<20 { ek_best().pointee.softmax(&work, 4096) }
      ek_team_run(team, { context, index, _ in context?.assumingMemoryBound(to: Int.self)[index] += 1 }, visits)
      for index in 0..<3 { try #require(visits[index] == run) }
    }
  }

  @Test("is refused without threads")
  func needsThreads() { #expect(ek_team_make(0) == nil) }
}

/// `ek_claim` of a counter that Swift holds as Int.
private func claim(_ counter: inout Int) -> Int { ek_claim(&counter) }
