// What mends an unusable rail, in words: the rule, the group or the switch.

import SiftCore

extension Rail {
  /// One or more lines that say what to do about `problem`; nil when the rail is usable.
  public var advice: String? {
    switch problem {
    case nil: nil
    case .permission?: permissionAdvice
    case .disabled?: disabledAdvice
    case .notConnected?: "nothing hangs on this channel: nothing to do"
    case .ioError?, .timeout?:
      "the device did not answer three times: is it powered, and is another program using it?"
    case .malformed?: "the driver's text is no figure; a newer kernel may mend it"
    case .implausible?:
      """
      if the board's shunt is given wrongly, correct it in siftd.toml: scale = ["\(id)=0.001"]; if the figure is right, \
      raise the limit: limit-watts = ["\(id)=2000"]
      """
    }
  }

  private var permissionAdvice: String {
    switch source {
    case .powercap:
      // 0400 since Linux 5.10 (CVE-2020-8694): fine power readings tell secrets of other programs.
      """
      energy_uj may be read by root only. To let a group read it, put into /etc/udev/rules.d/70-siftd-rails.rules:
        SUBSYSTEM=="powercap", ACTION=="add|change", RUN+="/bin/sh -c 'chgrp GROUP /sys%p/energy_uj; chmod g+r /sys%p/energy_uj'"
      then: udevadm trigger --action=change --subsystem-match=powercap; and give siftd SupplementaryGroups=GROUP
      """
    case .mailbox:
      """
      /dev/vcio belongs to the group video: siftd needs SupplementaryGroups=video, DeviceAllow=/dev/vcio rw and \
      PrivateDevices=no in its unit; for yourself: usermod -aG video USER
      """
    case .external: "the named pipe may not be read: chgrp it to siftd's group and chmod g+r"
    case .hwmon, .iio, .powerSupply:
      "the attribute is not world readable, against the kernel's rule: is this a container, or a security module at work?"
    }
  }

  private var disabledAdvice: String {
    switch source {
    case .hwmon: "the channel is switched off: echo 1 into its _enable attribute as root, or ignore it"
    case .powercap: "the zone is switched off: echo 1 into its enabled attribute as root, or ignore it"
    case .external: "the program or pipe is not there; it is tried again while siftd runs"
    case .mailbox, .iio, .powerSupply: "the device is gone"
    }
  }
}
