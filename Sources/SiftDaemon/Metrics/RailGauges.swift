// What the meter's rails show on /metrics.

import EnergyMeter
import SiftCore

package enum RailGauges {
  /// Counters and gauges of every sampled rail. What is not known is left out, never 0.
  package static func of(_ snapshot: MeterSnapshot) -> [Metrics.Gauge] {
    var gauges: [Metrics.Gauge] = []
    for (rails, role) in [(snapshot.rails, "total"), (snapshot.parts, "part")] {
      for rail in rails {
        let id = ("rail", rail.id)
        gauges += [
          (
            "siftd_rail_joules_total", [id, ("in", role), ("standing", rail.standing.rawValue)],
            max(0, rail.energy.joules)
          ),
          ("siftd_rail_covered_seconds_total", [id], rail.covered.seconds),
          ("siftd_rail_failures_total", [id], Double(rail.failures)),
        ]
        if let power = rail.power { gauges.append(("siftd_rail_watts", [id], power.watts)) }
      }
    }
    if let idle = snapshot.idle { gauges.append(("siftd_idle_watts", [], idle.watts)) }
    return gauges
  }
}
