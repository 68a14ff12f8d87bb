// Everything outside the process that the meter reads, as one parameter.

import HostIO
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where rails are read: the attribute tree, the firmware's mailbox, meters of the user's own, and how long the machine
/// has slept.
public struct MeterSources: Sendable {
  public var sysfs: SysfsRoot
  /// nil: there is none to ask.
  public var mailbox: (any FirmwareMailbox)?
  public var external: [ExternalMeter]
  /// Time that the machine has spent suspended since its start. When it grows between two rounds of sampling, what lies
  /// between them is a gap.
  public var suspended: @Sendable () -> Duration

  public init(
    sysfs: SysfsRoot, mailbox: (any FirmwareMailbox)? = nil, external: [ExternalMeter] = [],
    suspended: @escaping @Sendable () -> Duration = { .zero }
  ) {
    self.sysfs = sysfs
    self.mailbox = mailbox
    self.external = external
    self.suspended = suspended
  }

  /// This machine's own.
  public static func system(external: [ExternalMeter] = []) -> MeterSources {
    MeterSources(
      sysfs: .system, mailbox: VideoCoreMailbox.ifPresent(), external: external, suspended: timeSuspended)
  }
}

/// CLOCK_BOOTTIME runs on while the machine sleeps, CLOCK_MONOTONIC does not (clock_gettime(2)).
@Sendable private func timeSuspended() -> Duration {
  var boot = timespec()
  var monotonic = timespec()
  guard clock_gettime(CLOCK_BOOTTIME, &boot) == 0, clock_gettime(CLOCK_MONOTONIC, &monotonic) == 0 else { return .zero }
  let seconds = Int64(boot.tv_sec) - Int64(monotonic.tv_sec)
  return .seconds(seconds) + .nanoseconds(Int64(boot.tv_nsec) - Int64(monotonic.tv_nsec))
}
