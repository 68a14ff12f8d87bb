// The C team of threads with a Swift handle, and what it runs: jobs, plain structs whose parts are claimed by number.

import CExpertKernels

/// Work that members of a team do together. A job is plain data (pointers and numbers), copied nowhere and freed by its
/// owner; `entry` is the C function that works on it.
protocol TeamJob {
  /// Called once for every member with a pointer to the job, the member's index and the size of the team.
  static var entry: ek_work { get }
}

/// Threads that work on one job at a time.
///
/// Not Sendable: `run` belongs to the one thread that owns the team.
final class ThreadTeam {
  let threads: Int
  private let team: OpaquePointer

  /// - Returns: nil when the threads cannot be made.
  init?(threads: Int) {
    guard threads >= 1, let team = ek_team_make(threads) else { return nil }
    self.threads = threads
    self.team = team
  }

  deinit { ek_team_destroy(team) }

  /// Runs `job` on all members, or on the caller alone when it is not worth waking anybody.
  @inline(__always)
  func run<Job: TeamJob>(_ job: inout Job, alone: Bool = false) {
    let wide = !alone && threads > 1
    withUnsafeMutablePointer(to: &job) { pointer in
      if wide {
        ek_team_run(team, Job.entry, pointer)
      } else {
        Job.entry(pointer, 0, 1)
      }
    }
  }
}

/// The parts `0 ..< count` of a job, handed out one after another to whoever asks.
struct Claims {
  private var next = 0

  /// The next part's number: anything from `count` on means that there are no more.
  @inline(__always)
  static func take(_ claims: UnsafeMutablePointer<Claims>) -> Int {
    Int(bitPattern: UInt(bitPattern: claims.withMemoryRebound(to: Int.self, capacity: 1) { ek_claim($0) }))
  }
}
