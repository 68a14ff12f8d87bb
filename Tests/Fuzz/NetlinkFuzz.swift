// What libFuzzer calls: bytes as they could come from a netlink socket, through every parser of LinkMonitor. Built by
// tools/fuzz-netlink together with the parsers' own sources. Nothing is checked but that nothing traps, hangs or reads beyond.

import SiftCore

private func parse(_ payload: ArraySlice<UInt8>) {
  _ = try? StationInfo(payload: payload)
  _ = try? SurveyInfo(payload: payload)
  _ = try? WirelessInterface(payload: payload)
  _ = try? Route(payload: payload)
  _ = try? Neighbour(payload: payload)
  if let station = try? StationInfo(payload: payload), let rate = station.sendRate { _ = RateLadder(of: rate) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetlink(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  // As a datagram, whole and cut, and behind an offset that no alignment helps.
  var framing = ReplyFraming(sequence: 1)
  _ = try? framing.take(bytes[...]) { (message) throws(NetlinkError) in parse(message.payload) }
  // Of interfaces that no look has shown nothing is told, so there are some.
  var announcer = LinkAnnouncer()
  announcer.look(
    [InterfaceMode.station, .accessPoint].enumerated().map { index, mode in
      let interface = WirelessInterface(index: UInt32(3 + index), name: "wlan\(index)", mode: mode)
      return LinkAnnouncer.Look(interface: interface, stations: [])
    })
  for message in (try? NetlinkMessage.split(bytes[...])) ?? [] {
    parse(message.payload)
    if let event = try? LinkEvent(nl80211: message.payload) { announcer.note(event) }
    if let event = try? LinkEvent(route: message) { announcer.note(event) }
  }
  for change in announcer.take() { precondition(!change.description.isEmpty) }
  // As a payload of its own: the framing is no help then.
  parse(bytes[...])
  if count > 1 { parse(bytes.dropFirst()) }
  _ = try? LinkEvent(nl80211: bytes[...])
  if count >= 3 { _ = WirelessExtensionsReading(level: bytes[0], noise: bytes[1], updated: bytes[2]) }
  return 0
}
