// The HTTP API as a whole: what it needs, and the responder made of it.

import Hummingbird
import LinkMonitor

/// Everything that the API asks of the daemon. On an expert host there is no model to serve: only health, metrics and
/// status are there.
package struct HTTPAPI: Sendable {
  /// What serves text.
  package struct Serving: Sendable {
    package var model: any ServedModel
    package var scheduler: Scheduler
    /// Read once a request; a reload changes it.
    package var defaults: @Sendable () -> RequestDefaults
    /// Ids and seeds of requests that bring none.
    package var random: @Sendable () -> UInt64

    package init(
      model: any ServedModel, scheduler: Scheduler, defaults: @escaping @Sendable () -> RequestDefaults,
      random: @escaping @Sendable () -> UInt64
    ) {
      self.model = model
      self.scheduler = scheduler
      self.defaults = defaults
      self.random = random
    }
  }

  private let serving: Serving?
  private let metrics: Metrics
  private let gauges: @Sendable () -> [Metrics.Gauge]
  private let report: @Sendable () -> StatusReport
  private let links: @Sendable () -> LinksReport
  private let energy: EnergyAnswer?
  private let conditions: @Sendable () -> ConditionsReport
  private let bodyLimit: Int
  private let unixTime: @Sendable () -> Int

  /// - Parameters:
  ///   - gauges: figures for /metrics that others keep.
  ///   - energy: asks the energy ledger; nil when none is kept.
  ///   - conditions: reads the state of the machine.
  ///   - bodyLimit: largest request body in bytes.
  ///   - unixTime: seconds since 1970.
  package init(
    serving: Serving?, metrics: Metrics, gauges: @escaping @Sendable () -> [Metrics.Gauge],
    report: @escaping @Sendable () -> StatusReport,
    links: @escaping @Sendable () -> LinksReport = { LinksReport(links: []) }, energy: EnergyAnswer? = nil,
    conditions: @escaping @Sendable () -> ConditionsReport = { ConditionsReport() }, bodyLimit: Int,
    unixTime: @escaping @Sendable () -> Int
  ) {
    self.links = links
    self.serving = serving
    self.metrics = metrics
    self.gauges = gauges
    self.report = report
    self.energy = energy
    self.conditions = conditions
    self.bodyLimit = bodyLimit
    self.unixTime = unixTime
  }

  /// Answers every request.
  package func responder() -> RouterResponder<APIContext> {
    let scheduler = serving?.scheduler
    let status = StatusRoutes(
      metrics: metrics, gauges: gauges, report: report, links: links, isHealthy: { scheduler?.isOpen ?? true })
    let generation = serving.map {
      GenerationRoutes(
        model: $0.model, scheduler: $0.scheduler, defaults: $0.defaults, bodyLimit: bodyLimit, unixTime: unixTime,
        random: $0.random)
    }
    return APIRouter(
      status: status, models: serving.map { ModelRoutes(model: $0.model, created: unixTime()) }, generation: generation,
      energy: EnergyRoutes(ask: energy, conditions: conditions)
    ).build()
  }
}
