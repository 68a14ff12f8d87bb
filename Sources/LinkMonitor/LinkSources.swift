// Everything outside of this process that the watcher asks, in one value: the real ones, or a test's.

import HostIO

/// The sources of a `LinkWatcher`. Each may be missing; what then cannot be known stays nil.
public struct LinkSources: Sendable {
  package var nl80211: NL80211Client?
  package var routes: RouteClient?
  package var wext: any WirelessExtensionsSource
  /// What the kernel tells of its own accord; nil: changes are found by looking.
  package var events: (any LinkEventSource)?
  package var sysfs: SysfsRoot
  /// What is missing and why.
  package var remarks: [String]

  package init(
    nl80211: NL80211Client?, routes: RouteClient?, wext: any WirelessExtensionsSource = NoWirelessExtensions(),
    events: (any LinkEventSource)? = nil, sysfs: SysfsRoot, remarks: [String] = []
  ) {
    self.events = events
    self.nl80211 = nl80211
    self.routes = routes
    self.wext = wext
    self.sysfs = sysfs
    self.remarks = remarks
  }

  /// The kernel's. Never fails: a family that is missing is remarked on.
  /// - Parameter nl80211: false leaves it out, so that the wireless extensions are heard on a machine that has both.
  public static func system(sysfs: SysfsRoot = .system, nl80211: Bool = true) -> LinkSources {
    var sources = LinkSources(nl80211: nil, routes: nil, sysfs: sysfs)
    if nl80211 {
      do throws(NetlinkError) {
        sources.nl80211 = NL80211Client(try NetlinkSocket.generic("nl80211"))
      } catch {
        sources.remarks.append("nl80211: \(error)")
      }
    }
    do throws(NetlinkError) {
      sources.routes = RouteClient(try NetlinkSocket.route())
    } catch {
      sources.remarks.append("rtnetlink: \(error)")
    }
    sources.events = NetlinkListener(nl80211: nl80211)
    #if LibIW
      if let libiw = LibIWSource() { sources.wext = libiw }
    #endif
    return sources
  }
}
