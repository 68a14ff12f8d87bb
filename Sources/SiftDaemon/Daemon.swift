// The composition root: the only place that names real clocks, sockets and files. Everything is built and checked
// before anything runs; what cannot be built is one line and an exit status.

import Dispatch
import EnergyLedger
import EnergyMeter
import ExpertExec
import Glibc
import HostIO
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import SiftCluster
import SiftCore

/// A node of the cluster, in either role.
public struct Daemon: Sendable {
  private let configuration: Configuration
  private let file: String?
  private let recorder: Recorder
  private let notifier: any ServiceNotifying
  private let inherited: [ListeningSocket]
  private let environment: @Sendable (String) -> String?
  private let clock = ContinuousClock()

  /// - Parameters:
  ///   - file: where the configuration came from; read again on SIGHUP. nil: nothing is reloaded.
  ///   - inherited: sockets of the service manager; they stand in for `api.socket` and `api.listen`.
  public init(
    configuration: Configuration, file: String?, recorder: Recorder, notifier: any ServiceNotifying = SystemdNotifier(),
    inherited: [ListeningSocket] = [],
    environment: @escaping @Sendable (String) -> String? = { getenv($0).map { String(cString: $0) } }
  ) {
    self.configuration = configuration
    self.file = file
    self.recorder = recorder
    self.notifier = notifier
    self.inherited = inherited
    self.environment = environment
  }

  /// Builds, runs until SIGTERM or SIGINT, and drains.
  /// - Throws: `DaemonFailure` when something could not be built.
  public func run() async throws {
    defer { recorder.flush() }
    let setup = try NodeSetup(configuration, sysfs: .system, clock: clock, environment: environment)
    let live = LiveConfiguration(configuration)
    let metrics = Metrics()
    let listeners = try openListeners()
    let server = try await makeServer(setup)
    let book = makeBook()
    defer { close(book) }
    let gateway = try await makeGateway(setup, live, metrics, book, server)
    defer { gateway?.windows.finish() }
    begin(book, setup)
    let status = NodeStatus(
      setup: NodeIdentity(setup), live: live, metrics: metrics, meter: setup.meter, scheduler: gateway?.scheduler,
      peers: gateway?.peers, server: server, book: book, started: clock.now, clock: clock)
    let services = services(setup, live, listeners, server, gateway, status)
    var group = ServiceGroupConfiguration(
      services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
      logger: Logger(label: "services"))
    // Requests are ended at the limit and told so; the group's own limit, which cuts connections, is the net under that.
    group.maximumGracefulShutdownDuration = .seconds(configuration[Keys.api.drainSeconds] + 5)
    try await ServiceGroup(configuration: group).run()
  }

  // MARK: Parts

  private func openListeners() throws(DaemonFailure) -> [ListeningSocket] {
    guard inherited.isEmpty else { return inherited }
    do {
      var listeners: [ListeningSocket] = []
      let path = configuration[Keys.api.socket]
      if !path.isEmpty { listeners.append(try ListeningSocket.open(.unix(path))) }
      if let address = ListenAddress(internet: configuration[Keys.api.listen]) {
        listeners.append(try ListeningSocket.open(address))
      }
      return listeners
    } catch {
      throw DaemonFailure(.unavailable, "\(error)")
    }
  }

  /// The server that executes experts for others, listening already; nil when this node does not.
  private func makeServer(_ setup: NodeSetup) async throws(DaemonFailure) -> ExpertServer? {
    let address = configuration[Keys.cluster.listen]
    guard case .internet(let host, let port)? = ListenAddress(internet: address), let tls = setup.tls else {
      return nil
    }
    let server: ExpertServer
    do {
      let experts = try ExpertHost(engine: setup.engine, hosted: setup.hosted, limits: ExpertHost.Limits(rows: 4096))
      var limits = ServerLimits()
      limits.traffic = TrafficClass(codePoint: Int32(setup.configuration[Keys.cluster.codePoint]))
      server = ExpertServer(
        host: experts, address: host, port: Int(port), tls: tls, limits: limits, meter: HostMeter(setup).energy,
        onEvent: { [recorder] in recorder.record(PeerRecords.make($0)) })
    } catch {
      throw DaemonFailure(.software, "\(error)")
    }
    do {
      try await server.start()
    } catch {
      let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
      throw DaemonFailure(.unavailable, "cannot listen on \(address) for other nodes: \(reason)")
    }
    return server
  }

  private func makeGateway(
    _ setup: NodeSetup, _ live: LiveConfiguration, _ metrics: Metrics, _ book: EnergyBook?,
    _ server: ExpertServer?
  ) async throws(DaemonFailure) -> Gateway? {
    guard configuration[Keys.node.role] == "gateway" else { return nil }
    return try await Gateway(
      setup, live: live, metrics: metrics, recorder: recorder, clock: clock, book: book, server: server)
  }

  /// The energy ledger of a gateway: requests are booked where they are answered.
  private func makeBook() -> EnergyBook? {
    guard configuration[Keys.node.role] == "gateway",
      let path = LedgerPlace.path(configuration[Keys.energy.ledger], environment: environment)
    else { return nil }
    let settings = LedgerSettings(
      path: path, days: configuration[Keys.energy.ledgerDays], bytes: configuration[Keys.energy.ledgerMegabytes] << 20)
    return EnergyBook(
      settings, now: WallClock.seconds,
      announce: { [recorder] notice in
        if let record = LedgerRecords.make(notice, path: path) { recorder.record(record) }
      })
  }

  /// The first entries: under which configuration the others come, and the rails there are.
  private func begin(_ book: EnergyBook?, _ setup: NodeSetup) {
    guard let book else { return }
    let now = WallClock.seconds()
    book.append(
      .epoch(EpochEntry(configuration, model: setup.engine.hash.description, cause: "start", at: now)))
    for rail in setup.meter.catalog.rails where rail.isUsable {
      book.append(
        .rail(RailEntry(id: rail.id, kind: rail.kind.rawValue, standing: rail.standing, seen: now)))
    }
  }

  private func close(_ book: EnergyBook?) {
    guard let book else { return }
    book.close()
    let lost = book.figures.lost
    if lost > 0 {
      recorder.say(.ledger, "\(lost) entries of the energy ledger are lost", priority: .warning)
    }
  }

  // MARK: Services

  /// In the order they start; the group stops them from the last to the first.
  private func services(
    _ setup: NodeSetup, _ live: LiveConfiguration, _ listeners: [ListeningSocket], _ server: ExpertServer?,
    _ gateway: Gateway?, _ status: NodeStatus
  ) -> [any Service] {
    let meter = setup.meter
    var services: [any Service] = [BackgroundService(description: "energy meter") { try await meter.run() }]
    let rails = RailKeeper()
    services.append(
      PeriodicService(description: "rails", interval: .seconds(1), clock: clock) { [recorder] in
        for record in rails.changes(in: meter.latest) { recorder.record(record) }
      })
    services += gateway?.services(clock: clock) ?? []
    if let server { services.append(ExpertServerService(server: server)) }
    services += watchdog(gateway)
    services.append(StatusLine(status: status, notifier: notifier).service(clock: clock))
    services.append(ReloadService { reload(live, gateway) })
    let readiness = Readiness(expected: listeners.count)
    let responder = api(live, gateway, status).responder()
    for listener in listeners {
      services.append(
        HTTPListener(
          socket: listener, responder: responder, bodyLimit: configuration[Keys.api.maxBodyBytes],
          connectionLimit: configuration[Keys.api.maxConnections], logger: Logger(label: "http"),
          group: MultiThreadedEventLoopGroup.singleton, whenServing: { readiness.arrive() }))
    }
    services.append(
      AnnouncementService(
        readiness: readiness, notifier: notifier, recorder: recorder, greeting: greeting(setup, listeners, server),
        whenStopping: { if let gateway { stop(gateway) } }))
    return services
  }

  private func api(_ live: LiveConfiguration, _ gateway: Gateway?, _ status: NodeStatus) -> HTTPAPI {
    let serving = gateway.map { gateway in
      HTTPAPI.Serving(
        model: gateway.model, scheduler: gateway.scheduler, defaults: { live.requestDefaults },
        random: { UInt64.random(in: 0 ... .max) })
    }
    return HTTPAPI(
      serving: serving, metrics: status.metrics, gauges: { status.gauges() }, report: { status.report() },
      links: { status.links() },
      energy: energy(gateway?.book),
      conditions: { HostConditions.read(.system, links: gateway?.peers?.links.latest) },
      bodyLimit: configuration[Keys.api.maxBodyBytes], unixTime: { time(nil) })
  }

  private func energy(_ book: EnergyBook?) -> EnergyAnswer? {
    guard let book else { return nil }
    return { query in try book.report(query) }
  }

  private func watchdog(_ gateway: Gateway?) -> [any Service] {
    guard let interval = WatchdogInterval.fromEnvironment(environment) else { return [] }
    var pulses = EventLoopPulses.all(of: MultiThreadedEventLoopGroup.singleton)
    if let gateway { pulses += gateway.pulses }
    return [WatchdogService(interval: interval, pulses: pulses, notifier: notifier, recorder: recorder, clock: clock)]
  }

  /// No new requests; those that still run at the drain's limit are ended.
  private func stop(_ gateway: Gateway) {
    gateway.scheduler.close()
    let limit = Duration.seconds(configuration[Keys.api.drainSeconds])
    Task {
      try? await clock.sleep(for: limit)
      gateway.scheduler.cancelAll()
    }
  }

  private func greeting(_ setup: NodeSetup, _ listeners: [ListeningSocket], _ server: ExpertServer?) -> String {
    var places = listeners.map { "\($0.address)" }
    if server != nil { places.append("\(configuration[Keys.cluster.listen]) (experts)") }
    return "siftd \(SiftVersion.current) on node \(setup.name): \(setup.modelName) (\(setup.engine.hash.short)) at "
      + places.joined(separator: ", ")
  }

  // MARK: Reload

  private func reload(_ live: LiveConfiguration, _ gateway: Gateway?) {
    guard let file else { return recorder.say(.reload, "no configuration file was given: nothing to reload") }
    do {
      let outcome = live.reload(try Configuration(file: file))
      let now = live.now
      gateway?.scheduler.setWaitingLimit(now[Keys.scheduler.waiting])
      if let gateway, !outcome.applied.isEmpty {
        gateway.book?.append(
          .epoch(EpochEntry(now, model: gateway.model.identity, cause: "reload", at: WallClock.seconds())))
      }
      recorder.setLevel(Recorder.priority(named: now[Keys.journal.level]))
      recorder.say(.reload, outcome.message, priority: outcome.needRestart.isEmpty ? .notice : .warning)
    } catch {
      let lines = "\(error)".split(separator: "\n").joined(separator: "; ")
      recorder.say(.reload, "configuration not reloaded, the old one stays: \(lines)", priority: .error)
    }
  }
}
