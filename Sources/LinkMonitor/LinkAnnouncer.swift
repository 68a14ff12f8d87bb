// From events and looks to changes worth a line in the journal, each told once.

import SiftCore

/// A change of a radio interface or of an association.
public enum LinkChange: Sendable, Hashable, CustomStringConvertible {
  case appeared(interface: String)
  case gone(interface: String)
  case renamed(from: String, to: String)
  case connected(interface: String, MACAddress)
  /// - Parameter reason: 802.11's code; nil when nobody told.
  case disconnected(interface: String, MACAddress, reason: UInt16?, byAccessPoint: Bool)
  case roamed(interface: String, from: MACAddress, to: MACAddress)
  /// A station of this access point, mesh or ad-hoc network.
  case joined(interface: String, MACAddress)
  case left(interface: String, MACAddress)
  case channel(interface: String, megahertz: Int)
  case signalLow(interface: String, level: DecibelMilliwatts?)
  case signalBack(interface: String, level: DecibelMilliwatts?)
  /// Told once an association.
  case beaconsLost(interface: String)

  public var interface: String {
    switch self {
    case .appeared(let name), .gone(let name), .renamed(_, let name), .connected(let name, _),
      .disconnected(let name, _, _, _), .roamed(let name, _, _), .joined(let name, _), .left(let name, _),
      .channel(let name, _), .signalLow(let name, _), .signalBack(let name, _), .beaconsLost(let name):
      name
    }
  }

  /// One word for programs.
  public var kind: String {
    switch self {
    case .appeared: "appeared"
    case .gone: "gone"
    case .renamed: "renamed"
    case .connected: "connected"
    case .disconnected: "disconnected"
    case .roamed: "roamed"
    case .joined: "joined"
    case .left: "left"
    case .channel: "channel"
    case .signalLow: "signal-low"
    case .signalBack: "signal-back"
    case .beaconsLost: "beacons-lost"
    }
  }

  public var description: String {
    func at(_ level: DecibelMilliwatts?) -> String { level.map { " at \(Int($0.value)) dBm" } ?? "" }
    return switch self {
    case .appeared(let name): "\(name): the radio interface is there"
    case .gone(let name): "\(name): the radio interface is gone"
    case .renamed(let from, let to): "\(to): the radio interface was called \(from)"
    case .connected(let name, let station): "\(name): connected to \(station)"
    case .disconnected(let name, let station, let reason, let byAccessPoint):
      "\(name): disconnected from \(station)" + (byAccessPoint ? " by the access point" : "")
        + (reason.map { ", reason \($0)" } ?? "")
    case .roamed(let name, let from, let to): "\(name): roamed from \(from) to \(to)"
    case .joined(let name, let station): "\(name): station \(station) joined"
    case .left(let name, let station): "\(name): station \(station) left"
    case .channel(let name, let megahertz): "\(name): now on \(megahertz) MHz"
    case .signalLow(let name, let level): "\(name): the signal fell below the armed threshold" + at(level)
    case .signalBack(let name, let level): "\(name): the signal is above the armed threshold again" + at(level)
    case .beaconsLost(let name): "\(name): beacons are missing"
    }
  }
}

/// Knows what has been told of every radio interface. Events bring reasons and speed; looks find what no event told. Both go
/// through the same state, so nothing is told twice.
package struct LinkAnnouncer: Sendable {
  private struct Known: Sendable {
    var name: String
    var isStation: Bool
    /// The access point of an interface in station mode.
    var accessPoint: MACAddress?
    /// The stations of any other interface.
    var stations: Set<MACAddress> = []
    var megahertz: Int?
    var isLow = false
    var missesBeacons = false
  }
  /// What a look saw of one radio interface.
  package struct Look: Sendable {
    package var interface: WirelessInterface
    /// nil where they could not be read.
    package var stations: [MACAddress]?

    package init(interface: WirelessInterface, stations: [MACAddress]?) {
      self.interface = interface
      self.stations = stations
    }
  }

  private var known: [UInt32: Known] = [:]
  private var hasLooked = false
  private var changes: [LinkChange] = []

  package init() {}

  /// Changes since the last call.
  package mutating func take() -> [LinkChange] {
    guard !changes.isEmpty else { return [] }
    defer { changes = [] }
    return changes
  }

  /// An event; of interfaces that are no radio nothing is told.
  package mutating func note(_ event: LinkEvent) {
    switch event {
    case .interface(let index, let name): rename(index, name)
    case .interfaceGone(let index): forget(index)
    case .station(let index, let station): join(index, station)
    case .stationGone(let index, let station): leave(index, station)
    case .connect(let index, let station, let status):
      if status == 0, let station { connect(index, station) }
    case .roam(let index, let station):
      if let station { connect(index, station) }
    case .disconnect(let index, let reason, let byAccessPoint): disconnect(index, reason, byAccessPoint)
    case .channel(let index, let megahertz): move(index, megahertz)
    case .signal(let index, let isLow, let level): cross(index, isLow, level)
    case .beaconLoss(let index): missBeacons(index)
    case .overrun: break
    }
  }

  /// What is there now. The first look only learns: what siftd finds when it starts is no change.
  package mutating func look(_ looks: [Look]) {
    let isFirst = !hasLooked
    hasLooked = true
    for index in known.keys.sorted() where !looks.contains(where: { $0.interface.index == index }) { forget(index) }
    for look in looks { reconcile(look) }
    if isFirst { changes = [] }
  }

  private mutating func reconcile(_ look: Look) {
    let interface = look.interface
    let isStation = interface.mode == .station
    if known[interface.index] == nil {
      known[interface.index] = Known(name: interface.name, isStation: isStation)
      changes.append(.appeared(interface: interface.name))
    }
    known[interface.index]?.isStation = isStation
    rename(interface.index, interface.name)
    if let stations = look.stations { reconcile(interface.index, stations, isStation: isStation) }
    if let megahertz = interface.frequencyMegahertz { move(interface.index, megahertz) }
  }

  private mutating func reconcile(_ index: UInt32, _ stations: [MACAddress], isStation: Bool) {
    if isStation {
      if let accessPoint = stations.first {
        connect(index, accessPoint)
      } else {
        disconnect(index, nil, false)
      }
    } else {
      for station in stations { join(index, station) }
      let missing = (known[index]?.stations ?? []).subtracting(stations)
      for station in missing.sorted(by: { $0.description < $1.description }) { leave(index, station) }
    }
  }

  private mutating func rename(_ index: UInt32, _ name: String) {
    guard let before = known[index]?.name, before != name else { return }
    known[index]?.name = name
    changes.append(.renamed(from: before, to: name))
  }

  private mutating func forget(_ index: UInt32) {
    guard let gone = known.removeValue(forKey: index) else { return }
    changes.append(.gone(interface: gone.name))
  }

  private mutating func connect(_ index: UInt32, _ station: MACAddress) {
    guard let before = known[index], before.isStation, before.accessPoint != station else { return }
    known[index]?.accessPoint = station
    known[index]?.missesBeacons = false
    known[index]?.isLow = false
    if let from = before.accessPoint {
      changes.append(.roamed(interface: before.name, from: from, to: station))
    } else {
      changes.append(.connected(interface: before.name, station))
    }
  }

  private mutating func disconnect(_ index: UInt32, _ reason: UInt16?, _ byAccessPoint: Bool) {
    guard let before = known[index], let station = before.accessPoint else { return }
    known[index]?.accessPoint = nil
    // The next association may be on any channel; that is no switch.
    known[index]?.megahertz = nil
    changes.append(
      .disconnected(interface: before.name, station, reason: reason, byAccessPoint: byAccessPoint))
  }

  private mutating func join(_ index: UInt32, _ station: MACAddress) {
    guard let before = known[index], !before.isStation, !before.stations.contains(station) else { return }
    known[index]?.stations.insert(station)
    changes.append(.joined(interface: before.name, station))
  }

  private mutating func leave(_ index: UInt32, _ station: MACAddress) {
    guard let before = known[index], before.stations.contains(station) else { return }
    known[index]?.stations.remove(station)
    changes.append(.left(interface: before.name, station))
  }

  private mutating func move(_ index: UInt32, _ megahertz: Int) {
    guard let before = known[index], before.megahertz != megahertz else { return }
    known[index]?.megahertz = megahertz
    if before.megahertz != nil { changes.append(.channel(interface: before.name, megahertz: megahertz)) }
  }

  private mutating func cross(_ index: UInt32, _ isLow: Bool, _ level: DecibelMilliwatts?) {
    guard let before = known[index], before.isLow != isLow else { return }
    known[index]?.isLow = isLow
    changes.append(
      isLow ? .signalLow(interface: before.name, level: level) : .signalBack(interface: before.name, level: level))
  }

  private mutating func missBeacons(_ index: UInt32) {
    guard let before = known[index], !before.missesBeacons, before.accessPoint != nil || !before.isStation else {
      return
    }
    known[index]?.missesBeacons = true
    changes.append(.beaconsLost(interface: before.name))
  }
}
