// Links as gauges: the same figures as /sift/links, of peers alone; what is not known is left out, never 0.

import LinkMonitor

enum LinkGauges {
  static func of(_ report: LinksReport) -> [Metrics.Gauge] {
    var gauges: [Metrics.Gauge] = []
    for row in report.links {
      guard let peer = row.peerName else { continue }
      let figures: [(String, Double?)] = [
        ("siftd_link_signal_dbm", row.signal), ("siftd_link_snr_db", row.snr),
        ("siftd_link_age_seconds", row.age), ("siftd_link_rice_factor", row.fading.k),
        ("siftd_link_doppler_hertz", row.fading.doppler), ("siftd_link_retry_ratio", row.retryRatio),
        ("siftd_link_goodput_bits_per_second", row.goodput),
        ("siftd_link_outage_probability", row.outage.probability),
        ("siftd_link_visit_joules", row.visit.energy), ("siftd_link_visit_airtime_seconds", row.visit.airtime),
      ]
      for (name, value) in figures {
        if let value { gauges.append((name: name, labels: [("peer", peer)], value: value)) }
      }
    }
    return gauges
  }

  static let entries: [MetricTable.Entry] = [
    entry("signal_dbm", "Signal of the last frame from the peer, or from the access point on the way to it."),
    entry("snr_db", "That signal above the noise, which is assumed where the driver measures none."),
    entry("age_seconds", "Since the last frame was received."),
    entry("rice_factor", "Rician K of the signal's fading."),
    entry("doppler_hertz", "Doppler shift of the fading, where the samples carry one."),
    entry("retry_ratio", "Repetitions among transmissions, of late."),
    entry("goodput_bits_per_second", "Goodput of exchanges."),
    entry("outage_probability", "Chance that a visit of 4096 bytes takes longer than 20 ms."),
    entry("visit_joules", "Radio energy of a visit of 4096 bytes by the radio model."),
    entry("visit_airtime_seconds", "Airtime of a visit of 4096 bytes."),
  ]

  private static func entry(_ name: String, _ help: String) -> MetricTable.Entry {
    MetricTable.Entry(name: "siftd_link_" + name, type: "gauge", labels: "peer", help: help)
  }
}
