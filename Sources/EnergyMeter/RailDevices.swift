// The sources of a meter, opened: what rails are read from.

import HostIO
import SiftCore

/// The attribute tree, and the readers that several rails share.
package struct RailDevices: Sendable {
  package let sysfs: SysfsRoot
  package let regulators: RegulatorReadings?
  /// Why there are no regulators although there is a mailbox.
  let regulatorFailure: SysfsError?
  package let external: [ExternalMeterReader]

  package init(_ sources: MeterSources) {
    sysfs = sources.sysfs
    external = sources.external.map(ExternalMeterReader.init)
    guard let mailbox = sources.mailbox else {
      (regulators, regulatorFailure) = (nil, nil)
      return
    }
    do throws(SysfsError) {
      (regulators, regulatorFailure) = (try RegulatorReadings(mailbox), nil)
    } catch {
      (regulators, regulatorFailure) = (nil, error)
    }
  }
}
