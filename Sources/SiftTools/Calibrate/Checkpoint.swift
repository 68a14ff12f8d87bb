// Where a calibration under way is kept, and how often.

import ExpertExec
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file beside the output that a run which was interrupted goes on from. It is written whole and in one step every now
/// and then, and removed when the output stands.
final class Checkpoint {
  let path: String
  let identity: ContentHash
  private let interval: Duration
  private let now: () -> Duration
  private var writtenAt: Duration
  /// Finished stages, which every later part carries along.
  private var finished: [(inout CalibrationPart) -> Void] = []

  /// - Parameters:
  ///   - interval: the least time between two writings; writing takes a fraction of a second.
  ///   - now: time since some start.
  init(output: String, identity: ContentHash, interval: Duration, now: @escaping () -> Duration) {
    path = output + ".part"
    self.identity = identity
    self.interval = interval
    self.now = now
    writtenAt = now()
  }

  /// What an earlier run left; nil when there is nothing, or nothing of this run.
  func earlier() -> CalibrationPart? { CalibrationPart(path: path, identity: identity) }

  /// Writes a part if it is time. A part that cannot be written stops the run: it would be lost at the first interruption.
  func offer(_ fill: (inout CalibrationPart) -> Void) throws(ToolFailure) {
    guard now() - writtenAt >= interval else { return }
    var part = CalibrationPart(identity: identity)
    for stage in finished { stage(&part) }
    fill(&part)
    do { try part.save(path) } catch { throw ToolFailure(.cannotWrite, error) }
    writtenAt = now()
  }

  /// From now on every part holds this too.
  func keep(_ fill: @escaping (inout CalibrationPart) -> Void) { finished.append(fill) }

  func remove() { unlink(path) }
}
