// Rails as records and as metrics.

import EnergyMeter
import HostIO
import SiftCore
import SiftDaemon
import SiftTestKit
import Testing

@Suite("Rails in records and metrics")
struct RailRecordTests {
  private func snapshot(samples: Int, power: Power? = .watts(5), part: Int = 1) -> MeterSnapshot {
    MeterSnapshot(
      rounds: 1, idle: .watts(4),
      rails: [
        RailSnapshot(
          id: "hwmon:a:VDD_IN", standing: .derived, power: power, energy: .joules(12.5), covered: .seconds(2.5),
          idle: nil, samples: samples, failures: 2)
      ],
      parts: [
        RailSnapshot(
          id: "hwmon:a:VDD_SOC", standing: .derived, power: .watts(1), energy: .joules(2), covered: .seconds(2),
          idle: nil, samples: part, failures: 0)
      ])
  }

  @Test("a rail that falls silent is announced once, and once when it speaks again")
  func silence() {
    var levels = RailLevels()
    var said: [String] = []
    for (samples, part) in [(1, 1), (2, 2), (2, 3), (2, 4), (2, 5), (2, 6), (2, 7), (3, 8), (4, 9)] {
      said += levels.changes(in: snapshot(samples: samples, part: part)).map(\.message)
    }
    #expect(
      said == [
        "rail hwmon:a:VDD_IN gives no figure: joules until it does are unknown, and the coverage of windows falls",
        "rail hwmon:a:VDD_IN gives figures again",
      ])
  }

  @Test("one missed answer is nobody's news")
  func patience() {
    var levels = RailLevels()
    for (samples, part) in [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 6)] {
      #expect(levels.changes(in: snapshot(samples: samples, part: part)).isEmpty)
    }
  }

  @Test("joules of rails are counters by rail, place in the sum and standing; what is not known is left out")
  func gauges() {
    let text = Metrics().text(gauges: RailGauges.of(snapshot(samples: 1, power: nil)))
    #expect(text.contains("# TYPE siftd_rail_joules_total counter"))
    #expect(text.contains(#"siftd_rail_joules_total{rail="hwmon:a:VDD_IN",in="total",standing="derived"} 12.5"#))
    #expect(text.contains(#"siftd_rail_joules_total{rail="hwmon:a:VDD_SOC",in="part",standing="derived"} 2"#))
    #expect(text.contains(#"siftd_rail_covered_seconds_total{rail="hwmon:a:VDD_IN"} 2.5"#))
    #expect(text.contains(#"siftd_rail_failures_total{rail="hwmon:a:VDD_IN"} 2"#))
    #expect(text.contains(#"siftd_rail_watts{rail="hwmon:a:VDD_SOC"} 1"#))
    #expect(!text.contains(#"siftd_rail_watts{rail="hwmon:a:VDD_IN"}"#))
    #expect(text.contains("siftd_idle_watts 4\n"))
  }
}

@Suite("Rules for rails in siftd.toml")
struct RailRuleConfigurationTests {
  private func errors(_ line: String) -> [String] {
    do {
      _ = try Configuration(text: "[energy]\n\(line)", file: "siftd.toml")
      return []
    } catch {
      return error.errors.map(\.description)
    }
  }

  @Test("lines are read into rules")
  func rules() throws {
    let configuration = try Configuration(
      text: """
        [energy]
        rails = ["hwmon:a:B"]
        meters = ["wall=command:read-plug --fast", "bench=fifo:/run/meter"]
        pairs = ["mychip curr1 in2"]
        scale = ["hwmon:a:B=0.001"]
        limit-watts = ["hwmon:a=b:C = 20"]
        parents = ["hwmon:a:B=hwmon:a:C", "hwmon:a:D="]
        kinds = ["hwmon:a:C=total"]
        """, file: "siftd.toml")
    let meter = MeterConfiguration(configuration)
    #expect(meter.totals == ["hwmon:a:B"])
    #expect(meter.rules.pairs == [RailRules.Pair(chip: "mychip", current: 1, voltage: 2)])
    #expect(meter.rules.scales == ["hwmon:a:B": 0.001] && meter.rules.limits == ["hwmon:a=b:C": 20])
    #expect(meter.rules.parents == ["hwmon:a:B": "hwmon:a:C", "hwmon:a:D": ""])
    #expect(meter.rules.kinds == ["hwmon:a:C": .total])
    #expect(configuration.externalMeters.map(\.name) == ["wall", "bench"])
  }

  @Test(
    "what is no rule is one line",
    arguments: [
      (#"scale = ["hwmon:a:B=-1"]"#, "energy.scale: must be \"RAIL=FACTOR\" with a factor above 0"),
      (#"scale = ["hwmon:a:B"]"#, "energy.scale: must be"),
      (#"limit-watts = ["x=0"]"#, "energy.limit-watts: must be"),
      (#"pairs = ["mychip in2 curr1"]"#, "energy.pairs: must be"),
      (#"meters = ["wall=serial:/dev/ttyUSB0"]"#, "energy.meters: must be"),
      (#"meters = ["a=fifo:/x", "a=fifo:/y"]"#, "energy.meters: must be"),
      (#"parents = ["a=a"]"#, "energy.parents: must be"), (#"kinds = ["a=whole"]"#, "energy.kinds: must be"),
    ])
  func mistakes(line: String, words: String) {
    let errors = errors(line)
    #expect(errors.count == 1 && errors[0].hasPrefix("siftd.toml:2: \(words)"), "\(errors)")
    #expect(errors.allSatisfy { !$0.contains("\n") })
  }

  @Test("a rail that this machine does not have stops the start with one line")
  func missingRail() throws {
    let tree = [
      "class/hwmon/hwmon0/name": "ina226", "class/hwmon/hwmon0/in1_input": "5000",
      "class/hwmon/hwmon0/power1_input": "1",
    ]
    try withSysfs(tree) { root in
      let rules: [(String, String)] = [
        (#"rails = ["hwmon:ina226:power9"]"#, "energy.rails: there is no rail hwmon:ina226:power9 here"),
        (#"scale = ["nothing=2"]"#, "energy.scale: there is no rail nothing here"),
        (#"limit-watts = ["nothing=2"]"#, "energy.limit-watts: there is no rail nothing here"),
        (#"parents = ["hwmon:ina226:power1=nothing"]"#, "energy.parents: there is no rail nothing here"),
      ]
      for (line, words) in rules {
        let configuration = try Configuration(text: "[energy]\n\(line)", file: "siftd.toml")
        let failure = #expect(throws: DaemonFailure.self) {
          _ = try MeterSetup.make(configuration, sysfs: root, clock: ManualClock())
        }
        #expect(failure?.status == .configuration && failure?.description.hasPrefix(words) == true, "\(line)")
        #expect(failure?.description.contains("\n") == false)
      }
      _ = try MeterSetup.make(Configuration(text: "", file: ""), sysfs: root, clock: ManualClock())
    }
  }
}
