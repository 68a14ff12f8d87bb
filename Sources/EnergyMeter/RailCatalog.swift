// All rails of a machine, their tree, and the sum that stands for the whole.

import HostIO
import SiftCore

/// What the machine can measure. Discovered once; a tier higher up is taken before one below: energy counters, then
/// power, then volt × ampere; estimates are listed and never added.
public struct RailCatalog: Sendable, Hashable {
  /// In the order of discovery.
  public internal(set) var rails: [Rail]
  /// Ids whose sum is the best figure for the whole machine; never a rail together with one that contains it; empty when
  /// none can serve.
  public internal(set) var total: [String]
  /// What the sum leaves out, where the board has no rail for the whole; nil otherwise.
  public internal(set) var note: String?

  /// Finds and reads every rail under `root`.
  /// - Parameter plausibleWatts: a first reading beyond this makes the rail unusable.
  public static func discover(_ root: SysfsRoot, plausibleWatts: Double = 1000) -> RailCatalog {
    discover(RailDevices(MeterSources(sysfs: root)), rules: RailRules(), plausibleWatts: plausibleWatts)
  }

  /// Finds and reads every rail of `sources`, as `rules` correct them.
  public static func discover(
    _ sources: MeterSources, rules: RailRules, plausibleWatts: Double = 1000
  ) -> RailCatalog {
    discover(RailDevices(sources), rules: rules, plausibleWatts: plausibleWatts)
  }

  static func discover(_ devices: RailDevices, rules: RailRules, plausibleWatts: Double) -> RailCatalog {
    let root = devices.sysfs
    var rails = HwmonRails(root: root, pairs: rules.pairs).discover() + IIORails(root: root).discover()
    rails += MailboxRails(regulators: devices.regulators, failure: devices.regulatorFailure).discover()
    let profile = BoardProfile.matching(rails)
    if let profile { apply(profile, to: &rails) }
    rails += PowercapRails(root: root).discover()
    rails += PowerSupplyRails(root: root).discover()
    rails += devices.external.map { $0.meter.rail }
    rails = distinct(rails)
    rules.apply(to: &rails)
    for at in rails.indices where rails[at].isUsable {
      FirstReading(devices: devices, plausibleWatts: plausibleWatts).apply(to: &rails[at])
    }
    var catalog = RailCatalog(rails: rails, total: [])
    catalog.total = catalog.proposedTotal(profile)
    if let profile, !profile.sum.isEmpty,
      catalog.total.contains(where: { profile.sum.contains(catalog.rail($0)?.label ?? "") })
    {
      catalog.note = "\(profile.name) has no rail for the whole: \(profile.note ?? "the sum is of its parts")"
    }
    return catalog
  }

  public func rail(_ id: String) -> Rail? { rails.first { $0.id == id } }

  /// Two chips of one name without a device to tell them apart get a number, so that an id names one rail.
  private static func distinct(_ rails: [Rail]) -> [Rail] {
    var seen: [String: Int] = [:]
    return rails.map { rail in
      let count = seen[rail.id, default: 0] + 1
      seen[rail.id] = count
      guard count > 1 else { return rail }
      var renamed = rail
      renamed.id = "\(rail.id)#\(count)"
      return renamed
    }
  }

  /// Gives the labelled rails of a known board their kinds and parents.
  private static func apply(_ profile: BoardProfile, to rails: inout [Rail]) {
    guard let total = profile.total, let at = rails.firstIndex(where: { $0.label == total }) else { return }
    rails[at].kind = .total
    for other in rails.indices where other != at && rails[other].label != nil { rails[other].parent = rails[at].id }
  }

  /// The first of these that is there: a meter of the user's own, a rail of kind total, the sum that the board's profile
  /// names, the processor packages, a battery while it feeds the machine, the only rail of all.
  private func proposedTotal(_ profile: BoardProfile?) -> [String] {
    let usable = rails.filter { $0.isUsable && $0.kind != .estimate }
    if let external = usable.first(where: { $0.kind == .total && $0.source == .external }) { return [external.id] }
    // A fuel gauge refreshes every 0.25 to 30 s: good for hours, of no use for one request.
    if let whole = usable.first(where: { $0.kind == .total && $0.source != .powerSupply }) { return [whole.id] }
    if let profile, !profile.sum.isEmpty {
      let sum = usable.filter { profile.sum.contains($0.label ?? "") }
      if !sum.isEmpty { return sum.map(\.id) }
    }
    let zones = usable.filter { $0.source == .powercap && $0.parent == nil }
    if !zones.isEmpty { return zones.map(\.id) }
    let batteries = usable.filter { $0.source == .powerSupply && ($0.power?.watts ?? 0) > 0 }
    if !batteries.isEmpty { return batteries.map(\.id) }
    // Several rails of unknown meaning may lie in one another: better none than a sum that counts twice.
    let roots = usable.filter { $0.parent == nil && $0.kind == .part }
    return roots.count == 1 ? roots.map(\.id) : []
  }
}

/// Reads a rail for the first time and says what is wrong with it, if anything.
private struct FirstReading {
  let devices: RailDevices
  let plausibleWatts: Double

  func apply(to rail: inout Rail) {
    let limit = rail.limitWatts ?? plausibleWatts
    do throws(SysfsError) {
      let open = try OpenRail(rail, on: devices)
      switch try read(open) {
      case .microjoules(let count):
        rail.energy = .microjoules(count)
        if count < 0 { refuse(&rail, "a counter of \(count) µJ") }
      case .watts(let watts):
        rail.power = .watts(watts)
        if abs(watts) > limit { refuse(&rail, "\(watts) W, more than the \(limit) W that are believed") }
      case .nothingNew: break
      }
    } catch {
      rail.problem = RailProblem(error)
      rail.detail = "\(error)"
    }
  }

  private func refuse(_ rail: inout Rail, _ figure: String) {
    rail.problem = .implausible
    rail.detail = "\(rail.probe.paths.map(devices.sysfs.absolute).joined(separator: ", ")): \(figure)"
  }

  /// Transient failures are ordinary (an I²C chip that did not answer), so a rail gets three tries.
  private func read(_ open: OpenRail) throws(SysfsError) -> RailValue {
    for _ in 0..<2 { if let value = try? open.read() { return value } }
    return try open.read()
  }
}
