// Rails of the Raspberry Pi 5: its power management chip answers through the firmware's mailbox and nowhere in sysfs.

import HostIO
import SiftCore

/// Finds the regulators that the firmware tells.
struct MailboxRails {
  let regulators: RegulatorReadings?
  let failure: SysfsError?

  func discover() -> [Rail] {
    if let regulators { return regulators.names.map { rail($0) } }
    // A mailbox that may not be asked is worth a line; one whose firmware knows no such command is an older board.
    guard let failure, RailProblem(failure) != .malformed else { return [] }
    var refused = rail("regulators")
    refused.problem = RailProblem(failure)
    refused.detail = "\(failure)"
    return [refused]
  }

  private func rail(_ name: String) -> Rail {
    Rail(
      id: "mailbox:pmic:\(name)", source: .mailbox, name: "pmic", label: name, kind: .part, standing: .derived,
      probe: .mailbox(regulator: name))
  }
}
