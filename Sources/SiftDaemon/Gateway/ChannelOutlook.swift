// From what the link monitor knows of a channel to what a forecast needs of it.

import LinkMonitor
import SiftCore

extension ChannelPrediction {
  /// - Parameters:
  ///   - cost: of visits over the link: the measured goodput is that of the rate in use, and of the other rates in
  ///     proportion.
  ///   - now: when `link` was looked at.
  /// - Returns: nil for a link that is no radio, or whose fading is not known: its visits cost what they are said to.
  init?(_ link: PeerLink?, cost: VisitCost, now: ContinuousClock.Instant) {
    guard let link, link.isRadio, let channel = link.channel, let riceFactor = channel.riceFactor,
      cost.airtimePerByte > 0
    else { return nil }
    let goodput = 8 / cost.airtimePerByte
    let ladder = RateLadder(of: link.sendCoding)
    let share = link.sendRate.map { $0 > 0 ? min(1, goodput / $0) : 0.5 } ?? 0.5
    // Where only an upper bound of the Doppler shift is known, the sample is believed too little rather than too much; with
    // none, not at all.
    let doppler = channel.doppler ?? channel.dopplerAtMost
    self.init(
      meanSNR: channel.meanSNR, riceFactor: riceFactor, doppler: doppler ?? 0,
      sampledGain: doppler == nil ? nil : channel.gain,
      sampledAt: doppler == nil ? nil : channel.gainAge.map { now - $0 },
      rates: ladder.steps.map { ChannelRate(minimumSNR: $0.needs.ratio, goodput: $0.bitsPerSecond * share) })
  }
}
