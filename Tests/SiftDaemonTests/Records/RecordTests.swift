// Records: their words and fields, and that journald really takes them.

import Foundation
import HostIO
import LinkMonitor
import SiftCluster
import SiftCore
import SiftDaemon
import Synchronization
import Testing

/// A sink that keeps what it gets.
final class RecordingJournal: JournalSink {
  private let kept = Mutex<[JournalRecord]>([])
  var records: [JournalRecord] { kept.withLock { $0 } }
  func write(_ record: JournalRecord) { kept.withLock { $0.append(record) } }
}

enum SampleRequest {
  static let request = GenerationRequest(
    id: "cmpl-1", model: "tiny", prompts: [[1, 2]], maxTokens: 5,
    sampling: SamplingChoice(temperature: 0, topP: 1, seed: 0),
    sift: SiftChoice(policy: "siftmoe", errorBudget: 0.1, latency: .seconds(1)))

  static var summary: GenerationSummary {
    var summary = GenerationSummary(outcome: .completed)
    summary.tokensIn = 2
    summary.tokensOut = 5
    summary.tally.decisions = 10
    summary.tally.errorSum = 0.5
    summary.tally.squareSum = 0.064
    summary.tally.expertsLocal = 30
    summary.tally.expertsRemote = 9
    summary.tally.expertsLate = 1
    summary.tally.bytesUp = 1000
    summary.tally.peerJoules = 0.25
    summary.tally.peerStanding = .modelled
    summary.energy = RequestEnergy(total: 1.5, dynamic: nil, uncertainty: 0.01, standing: .measured)
    summary.latency = .milliseconds(1500)
    summary.troubles = [PeerTrouble(peer: "attic", reason: "connection reset")]
    return summary
  }
}

@Suite("Records")
struct RecordTests {
  @Test("a request's record says in words and fields what it cost, and names the peer that failed it")
  func request() throws {
    let record = RequestRecord.make(SampleRequest.request, SampleRequest.summary)
    #expect(
      record.message
        == "cmpl-1 completed: 2 tokens in, 5 out under siftmoe, 1.5 J (modelled), root mean square error 0.08 of 0.1; 1 expert fell back because of attic (connection reset)"
    )
    #expect(record.priority == .warning)
    #expect(record.messageID == MessageID.request.rawValue)
    // The fields that docs/ARCHITECTURE.md promises.
    let promised: [String: String] = [
      "SIFT_REQUEST": "cmpl-1", "SIFT_POLICY": "siftmoe", "SIFT_MODEL": "tiny", "SIFT_TOKENS_IN": "2",
      "SIFT_TOKENS_OUT": "5", "SIFT_ENERGY_J": "1.5", "SIFT_ENERGY_UNCERTAINTY_J": "0.01",
      "SIFT_ENERGY_STANDING": "modelled", "SIFT_ENERGY_PEERS_J": "0.25", "SIFT_RADIO_J": "0",
      "SIFT_EXPERTS_LOCAL": "30", "SIFT_EXPERTS_REMOTE": "9", "SIFT_EXPERTS_REPLACED": "0",
      "SIFT_EXPERTS_SKIPPED": "0", "SIFT_EXPERTS_LATE": "1", "SIFT_BYTES_UP": "1000", "SIFT_BYTES_DOWN": "0",
      "SIFT_ERROR_MEAN": "0.05", "SIFT_ERROR_RMS": "0.08", "SIFT_ERROR_BUDGET": "0.1", "SIFT_LATENCY_MS": "1500",
    ]
    for (name, value) in promised { #expect(record[name] == value, "\(name)") }
    // Nobody knows it, so it is not there.
    #expect(record["SIFT_ENERGY_DYNAMIC_J"] == nil)
    #expect(record.fields.allSatisfy { $0.hasValidName })
  }

  @Test("a request that went on without a peer says so, and names each peer once in its fields")
  func gone() {
    var summary = SampleRequest.summary
    summary.troubles.append(PeerTrouble(peer: "attic", isGone: true, reason: "out of reach"))
    let both = RequestRecord.make(SampleRequest.request, summary)
    #expect(
      both.message.hasSuffix(
        "; 1 expert fell back because of attic (connection reset); went on without attic (out of reach)"))
    #expect(both.fields.count { $0.name == "SIFT_PEER" } == 1)
    summary.troubles.removeFirst()
    let between = RequestRecord.make(SampleRequest.request, summary)
    #expect(between.message.hasSuffix("of 0.1; went on without attic (out of reach)"))
    #expect(between.priority == .warning)
  }

  @Test("a failed request is an error with its reason")
  func failure() {
    var summary = SampleRequest.summary
    summary.outcome = .failed("no room for 16 tokens")
    let record = RequestRecord.make(SampleRequest.request, summary)
    #expect(record.priority == .error)
    #expect(record.message.contains("; no room for 16 tokens"))
    #expect(record["SIFT_OUTCOME"] == "failed")
  }

  @Test("every kind of record has its own id and its entry in the catalogue")
  func catalogue() throws {
    let text = try RepositoryFile.text("systemd/siftd.catalog")
    #expect(Set(MessageID.allCases.map(\.rawValue)).count == MessageID.allCases.count)
    for kind in MessageID.allCases {
      #expect(kind.rawValue.count == 32)
      #expect(text.contains("-- \(kind.rawValue)\nSubject: "), "\(kind)")
    }
  }

  @Test("a peer's changes name the peer and the reason")
  func peers() {
    let lost = PeerRecords.make(PeerEvent(node: NodeIndex(1), name: "attic", change: .lost(reason: "no answer")))
    #expect(lost.messageID == MessageID.peerDown.rawValue)
    #expect(lost["SIFT_PEER"] == "attic")
    #expect(lost["SIFT_REASON"] == "no answer")
    #expect(lost.priority == .warning)
    let back = PeerRecords.make(PeerEvent(node: NodeIndex(1), name: "attic", change: .recovered))
    #expect(back.message == "peer attic is back")
    let other = PeerRecords.make(
      PeerEvent(node: NodeIndex(1), name: "attic", change: .connected(sameArithmetic: false)))
    #expect(other.priority == .warning)
  }

  @Test("records below the level are dropped; a reload changes the level")
  func level() {
    let sink = RecordingJournal()
    let recorder = Recorder(sink: sink, level: .warning)
    recorder.record(JournalRecord(priority: .info, message: "quiet"))
    recorder.record(JournalRecord(priority: .error, message: "loud"))
    recorder.setLevel(.info)
    recorder.record(JournalRecord(priority: .info, message: "heard"))
    recorder.flush()
    #expect(sink.records.map(\.message) == ["loud", "heard"])
  }

  @Test("without journald records go to standard error, with it there too when that is a terminal")
  func sinks() {
    #expect(Recorder.sink(for: "auto", isJournalPresent: false, isTerminal: true) is StandardErrorJournal)
    #expect(Recorder.sink(for: "auto", isJournalPresent: true, isTerminal: false) is SystemJournal)
    #expect(Recorder.sink(for: "auto", isJournalPresent: true, isTerminal: true) is TeeJournal)
    #expect(Recorder.sink(for: "stderr", isJournalPresent: true, isTerminal: false) is StandardErrorJournal)
    #expect(Recorder.sink(for: "both", isJournalPresent: false, isTerminal: false) is TeeJournal)
  }
}

@Suite("The real journal")
struct RealJournalTests {
  /// journald, started by hand where nothing runs it. It needs root and no init.
  private static let daemon = "/lib/systemd/systemd-journald"

  @Test("journalctl shows the record of a request with its fields")
  func journald() throws {
    let started = try startUnlessRunning()
    defer { started?.terminate() }
    let id = "cmpl-test-\(UInt64.random(in: 0 ... .max))"
    var request = SampleRequest.request
    request.id = id
    SystemJournal(identifier: "siftd-test").write(RequestRecord.make(request, SampleRequest.summary))
    let output =
      try run("/usr/bin/journalctl", ["--sync"])
      + (try run("/usr/bin/journalctl", ["-o", "json", "SIFT_REQUEST=\(id)"]))
    let line = try #require(output.split(separator: "\n").last, "journalctl shows no record")
    let fields = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    #expect(fields["MESSAGE"]?.hasPrefix("\(id) completed: 2 tokens in, 5 out") == true)
    #expect(fields["MESSAGE_ID"] == MessageID.request.rawValue)
    #expect(fields["PRIORITY"] == "4")
    #expect(fields["SYSLOG_IDENTIFIER"] == "siftd-test")
    #expect(fields["SIFT_ENERGY_J"] == "1.5")
    #expect(fields["SIFT_EXPERTS_LATE"] == "1")
    #expect(fields["SIFT_PEER"] == "attic")
  }

  private func startUnlessRunning() throws -> Process? {
    if SystemJournal.isPresent { return nil }
    try #require(
      FileManager.default.isExecutableFile(atPath: Self.daemon) && getuid() == 0,
      "no journald runs and \(Self.daemon) cannot be started here: install systemd and run as root")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.daemon)
    try process.run()
    // The socket takes records as soon as it stands; `journalctl --sync` then waits for the daemon.
    while !SystemJournal.isPresent && process.isRunning { sched_yield() }
    return process
  }

  private func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
