// The ledger's entries and words.

import EnergyLedger
import HostIO
import SiftCore
import SiftDaemon
import SiftTestKit
import Testing

@Suite("Ledger")
struct LedgerRecordTests {
  @Test("a request's entry has what its record has")
  func entry() {
    var summary = SampleRequest.summary
    summary.energy.radio = 0.125
    summary.energy.radioStanding = .measured
    let entry = RequestEntry(SampleRequest.request, summary, at: 1234)
    #expect(entry.id == "cmpl-1" && entry.at == 1234 && entry.policy == "siftmoe" && entry.outcome == "completed")
    #expect(entry.tokensIn == 2 && entry.tokensOut == 5 && entry.seconds == 1.5)
    #expect(entry.joules == 1.5 && entry.dynamicJoules == nil && entry.uncertaintyJoules == 0.01)
    // Peers' joules are modelled, so the weakest standing is.
    #expect(entry.peerJoules == 0.25 && entry.standing == .modelled)
    #expect(entry.radioJoules == 0.125 && entry.radioStanding == .measured)
    #expect(entry.expertsLocal == 30 && entry.expertsRemote == 9 && entry.expertsLate == 1 && entry.bytesUp == 1000)
    #expect(entry.errorMean == 0.05 && entry.errorBudget == 0.1)
    let record = RequestRecord.make(SampleRequest.request, summary)
    #expect(record["SIFT_ENERGY_CLUSTER_J"] == "1.75" && record["SIFT_RADIO_J"] == "0.125")
    #expect(record["SIFT_RADIO_STANDING"] == "measured" && record["SIFT_ENERGY_COVERAGE"] == "1")
  }

  @Test("what happens to the file is said once, with its name and what to look at")
  func words() {
    let path = "/var/lib/siftd/energy.sqlite"
    #expect(LedgerRecords.make(.opened, path: path) == nil)
    let moved = LedgerRecords.make(
      .movedAside(MovedAside(path: path + ".aside-1", reason: "not a database")), path: path)
    #expect(
      moved?.message
        == "the energy ledger \(path) was not a database: it is now \(path).aside-1, and a new ledger was begun")
    #expect(moved?.priority == .warning && moved?.messageID == MessageID.ledger.rawValue)
    #expect(LedgerRecords.make(.failing("disk full"), path: path)?.priority == .error)
    #expect(LedgerRecords.make(.recovered(lost: 3), path: path)?.message.contains("3 entries are lost") == true)
  }

  @Test("the ledger is where the configuration says, else in the service manager's folder, else nowhere")
  func place() {
    let state = { (name: String) in name == "STATE_DIRECTORY" ? "/var/lib/siftd:/var/lib/other" : nil }
    #expect(LedgerPlace.path("", environment: state) == "/var/lib/siftd/energy.sqlite")
    #expect(LedgerPlace.path("/data/e.db", environment: state) == "/data/e.db")
    #expect(LedgerPlace.path("none", environment: state) == nil)
    #expect(LedgerPlace.path("", environment: { _ in nil }) == nil)
  }

  @Test("heat, throttling and governors are read; fans and sensors that lie are not")
  func conditions() throws {
    try withSysfs([
      "class/thermal/thermal_zone0/temp": "48250", "class/thermal/thermal_zone1/temp": "61000",
      "class/thermal/thermal_zone2/temp": "-274000", "class/thermal/thermal_zone3/temp": "999000",
      "class/thermal/cooling_device0/type": "pwm-fan", "class/thermal/cooling_device0/cur_state": "3",
      "class/thermal/cooling_device1/type": "cpufreq-cpu0", "class/thermal/cooling_device1/cur_state": "2",
      "class/thermal/cooling_device2/type": "Processor", "class/thermal/cooling_device2/cur_state": "0",
      "devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil",
      "devices/system/cpu/cpu1/cpufreq/scaling_governor": "schedutil",
      "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "4",
      "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "5",
      "devices/system/cpu/cpufreq/policy0/scaling_governor": "performance",
    ]) { root in
      let report = HostConditions.read(root, links: nil)
      #expect(report == ConditionsReport(temperature: 61, throttleEvents: 9, cooling: 1, governors: ["schedutil"]))
    }
    try withSysfs([:]) { root in
      #expect(HostConditions.read(root, links: nil) == ConditionsReport())
    }
  }
}
