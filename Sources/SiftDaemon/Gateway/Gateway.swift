// A gateway: engine, scheduler, peers, energy windows, built in the order in which they need one another.

import EnergyLedger
import EnergyMeter
import ExpertExec
import HostIO
import NIOPosix
import ServiceLifecycle
import SiftCluster
import SiftCore

/// The parts that serve text.
struct Gateway: Sendable {
  let model: LoadedModel
  let scheduler: Scheduler
  let peers: PeerSide?
  let windows: MeterWindows
  let book: EnergyBook?
  private let worldBeat = Beat()
  private let recorder: Recorder

  /// Builds everything and starts the engine's thread.
  /// - Parameters:
  ///   - book: the energy ledger; nil: none is kept.
  ///   - server: executes experts for others on the same processors; nil on a node that does not.
  init(
    _ setup: NodeSetup, live: LiveConfiguration, metrics: Metrics, recorder: Recorder, clock: ContinuousClock,
    book: EnergyBook?, server: ExpertServer?
  ) async throws(DaemonFailure) {
    let configuration = setup.configuration
    self.recorder = recorder
    self.book = book
    let timeline = Timeline(clock)
    // Every thread of the engine works on a visit.
    let threads = Double(setup.engine.threads)
    windows = MeterWindows(
      setup.meter, now: { timeline.now }, wall: WallClock.seconds,
      others: { (server?.statistics.busy.seconds ?? 0) * threads },
      keep: { entries in for entry in entries { book?.append(.window(entry)) } })
    do {
      model = try LoadedModel(name: setup.modelName, engine: setup.engine, folder: configuration[Keys.model.path])
    } catch {
      throw DaemonFailure(.model, "\(error)")
    }
    let calibration = try Self.calibration(setup, recorder)
    if let budget = try QualityTarget.errorBudget(configuration, calibration) { live.derive(errorBudget: budget) }
    let seconds = setup.expertSeconds
    let local = NodeConditions(
      isReachable: true, visit: .zero, computeEnergy: configuration[Keys.energy.coreWatts] * seconds,
      computeTime: seconds)
    let nothing = setup.expertCounts.map { _ in [Int]() }
    let board = ConditionsBoard(
      conditions: Conditions(epoch: 0, nodes: [local], wakeEnergy: 0, wakeTime: 0),
      placement: Placement(nodes: [setup.localExperts] + configuration.peers.map { _ in nothing }))
    let peers = try PeerSide(setup, board: board, live: live, recorder: recorder, clock: clock)
    self.peers = peers
    peers?.world.refresh(now: clock.now)
    let limits = SchedulerLimits(
      running: configuration[Keys.scheduler.running], waiting: configuration[Keys.scheduler.waiting],
      rows: configuration[Keys.scheduler.rows])
    scheduler = Scheduler(limits: limits)
    let makeEngine = Self.engineMaker(setup, limits, calibration, board, peers, recorder)
    let parts = Scheduler.Parts(
      makeEngine: makeEngine, model: model, energy: windows, limits: limits,
      finished: { request, summary in
        metrics.count(request, summary)
        recorder.record(RequestRecord.make(request, summary))
        book?.append(.request(RequestEntry(request, summary, at: WallClock.seconds())))
      })
    do {
      try await scheduler.start(parts)
    } catch {
      throw DaemonFailure(.software, "\(error)")
    }
    peers?.transport.start()
  }

  private static func engineMaker(
    _ setup: NodeSetup, _ limits: SchedulerLimits, _ calibration: Calibration?, _ board: ConditionsBoard,
    _ peers: PeerSide?, _ recorder: Recorder
  ) -> @Sendable () throws -> any TokenEngine {
    let configuration = setup.configuration
    let engine = setup.engine
    let wanted = configuration[Keys.scheduler.cacheTokens]
    let options = SessionOptions(
      maxRows: limits.rows, maxLogitRows: limits.running,
      cacheTokens: wanted > 0 ? wanted : 4 * engine.description.contextLength, hosted: setup.hosted)
    let isHalf = configuration[Keys.cluster.encoding] == "bf16"
    let bytes = VisitBytes(width: engine.description.width, hiddenBytes: isHalf ? 2 : 4, sumBytes: isHalf ? 2 : 8)
    let names = peers?.setups.map(\.name) ?? []
    return {
      try SessionEngine(
        engine: engine, options: options, calibration: calibration, bytes: bytes, board: board,
        transport: peers?.transport, peers: names, announce: { recorder.record($0) })
    }
  }

  /// The calibration that the configuration names, or the one beside the model if there is one.
  private static func calibration(_ setup: NodeSetup, _ recorder: Recorder) throws(DaemonFailure) -> Calibration? {
    let named = setup.configuration[Keys.model.calibration]
    let path = named.isEmpty ? setup.configuration[Keys.model.path] + "/calibration.safetensors" : named
    guard !named.isEmpty || FilePresence.exists(path) else {
      recorder.record(
        JournalRecord(
          priority: .warning,
          message: "no calibration at \(path): nothing is replaced or skipped by choice; siftctl calibrate makes one"))
      return nil
    }
    do {
      return try Calibration(path: path, modelHash: setup.engine.hash, experts: setup.expertCounts)
    } catch {
      throw DaemonFailure(.model, "\(error)")
    }
  }

  // MARK: Services

  func services(clock: ContinuousClock) -> [any Service] {
    var services: [any Service] = []
    if let peers {
      let links = peers.links
      services.append(PeerTransportService(transport: peers.transport))
      services.append(BackgroundService(description: "link monitor") { try await links.run() })
      services.append(worldService(peers, clock))
    }
    let windows = windows
    services.append(
      PeriodicService(description: "energy books", interval: MeterWindows.interval, clock: clock) { windows.tick() })
    services.append(SchedulerService(scheduler: scheduler))
    return services
  }

  /// Ten looks a second; links change their level rarely, and are announced then.
  private func worldService(_ peers: PeerSide, _ clock: ContinuousClock) -> any Service {
    let levels = LevelKeeper(clock: clock)
    return PeriodicService(description: "world", interval: .milliseconds(100), clock: clock) {
      peers.world.refresh(now: clock.now)
      for record in levels.changes(in: peers.links.latest) { recorder.record(record) }
      worldBeat.beat()
    }
  }

  /// What the watchdog looks at.
  var pulses: [Pulse] {
    var pulses = [
      Pulse(
        name: "the engine's thread", challenge: { [scheduler] in scheduler.challenge() },
        moved: { [scheduler] in scheduler.moved })
    ]
    if let peers {
      pulses.append(Pulse(name: "the world's tick", challenge: {}, moved: { [worldBeat] in worldBeat.moved }))
      pulses.append(Pulse(name: "the link monitor", challenge: {}, moved: { peers.links.latest.epoch }))
    }
    return pulses
  }
}
