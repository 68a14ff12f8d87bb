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

  /// Finds and reads every rail under `root`.
  /// - Parameter plausibleWatts: a first reading beyond this makes the rail unusable.
  public static func discover(_ root: SysfsRoot, plausibleWatts: Double = 1000) -> RailCatalog {
    var rails = HwmonRails(root: root).discover() + IIORails(root: root).discover()
    applyProfile(&rails)
    rails += PowercapRails(root: root).discover()
    rails += PowerSupplyRails(root: root).discover()
    rails = distinct(rails)
    for at in rails.indices where rails[at].isUsable {
      FirstReading(root: root, plausibleWatts: plausibleWatts).apply(to: &rails[at])
    }
    return RailCatalog(rails: rails, total: proposedTotal(rails))
  }

  public func rail(_ id: String) -> Rail? { rails.first { $0.id == id } }

  /// Two chips of one name without a device to tell them apart get a number, so that an id names one rail.
  private static func distinct(_ rails: [Rail]) -> [Rail] {
    var seen: [String: Int] = [:]
    return rails.map { rail in
      let count = seen[rail.id, default: 0] + 1
      seen[rail.id] = count
      return count == 1 ? rail : rail.renamed("\(rail.id)#\(count)")
    }
  }

  /// Gives the labelled rails of a known board their kinds and parents.
  private static func applyProfile(_ rails: inout [Rail]) {
    guard let profile = BoardProfile.matching(Set(rails.compactMap(\.label))), let total = profile.total,
      let at = rails.firstIndex(where: { $0.label == total })
    else { return }
    rails[at].kind = .total
    for other in rails.indices where other != at && rails[other].label != nil { rails[other].parent = rails[at].id }
  }

  /// The first of these that is there: a rail of kind total, the sum that the board's profile names, the processor
  /// packages, a battery while it feeds the machine, the only rail of all.
  static func proposedTotal(_ rails: [Rail]) -> [String] {
    let usable = rails.filter { $0.isUsable && $0.kind != .estimate }
    // A fuel gauge refreshes every 0.25 to 30 s: good for hours, of no use for one request.
    if let whole = usable.first(where: { $0.kind == .total && $0.source != .powerSupply }) { return [whole.id] }
    if let profile = BoardProfile.matching(Set(rails.compactMap(\.label))), !profile.sum.isEmpty {
      return usable.filter { profile.sum.contains($0.label ?? "") }.map(\.id)
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

extension Rail {
  fileprivate func renamed(_ id: String) -> Rail {
    var rail = Rail(
      id: id, source: source, name: name, label: label, kind: kind, parent: parent, standing: standing,
      problem: problem, resolution: resolution, refresh: refresh, probe: probe)
    rail.power = power
    rail.energy = energy
    return rail
  }
}

/// Reads a rail for the first time and says what is wrong with it, if anything.
private struct FirstReading {
  let root: SysfsRoot
  let plausibleWatts: Double

  func apply(to rail: inout Rail) {
    do throws(SysfsError) {
      let open = try OpenRail(rail, root: root)
      switch try read(open) {
      case .microjoules(let count):
        rail.energy = .microjoules(count)
        if count < 0 { rail.problem = .implausible }
      case .watts(let watts):
        rail.power = .watts(watts)
        if abs(watts) > plausibleWatts { rail.problem = .implausible }
      }
    } catch {
      rail.problem = RailProblem(error)
    }
  }

  /// Transient failures are ordinary (an I²C chip that did not answer), so a rail gets three tries.
  private func read(_ open: OpenRail) throws(SysfsError) -> RailValue {
    for _ in 0..<2 { if let value = try? open.read() { return value } }
    return try open.read()
  }
}
