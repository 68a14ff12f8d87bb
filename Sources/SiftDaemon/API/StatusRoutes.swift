// /v1/models, /healthz, /metrics, /sift/status and /sift/links.

import Hummingbird
import LinkMonitor
import NIOCore

/// Answers questions about the daemon.
struct StatusRoutes: Sendable {
  let metrics: Metrics
  let gauges: @Sendable () -> [Metrics.Gauge]
  let report: @Sendable () -> StatusReport
  let links: @Sendable () -> LinksReport
  let isHealthy: @Sendable () -> Bool

  func health() -> Response {
    isHealthy()
      ? text("ok\n", "text/plain; charset=utf-8")
      : text("stopping\n", "text/plain; charset=utf-8", status: .serviceUnavailable)
  }

  func metricsPage() -> Response { text(metrics.text(gauges: gauges()), PrometheusText.contentType) }

  func status() -> Response { JSONResponse.make(report()) }

  func linksReport() -> Response { JSONResponse.make(links()) }

  private func text(_ text: String, _ type: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

/// Answers /v1/models.
struct ModelRoutes: Sendable {
  struct Entry: Encodable {
    var id: String
    var object = "model"
    var created: Int
    var owned_by = "siftd"
    var context_length: Int
    var hash: String
  }
  struct List: Encodable {
    var object = "list"
    var data: [Entry]
  }
  let model: any ServedModel
  /// When the model was loaded, in seconds since 1970.
  let created: Int

  private var entry: Entry {
    Entry(id: model.name, created: created, context_length: model.context, hash: model.identity)
  }

  func list() -> Response { JSONResponse.make(List(data: [entry])) }

  func one(_ context: APIContext) throws -> Response {
    guard let asked = context.parameters.get("id"), asked.removingPercent == model.name else {
      throw APIError.notFound(
        "no such model here; this daemon serves \(model.name.literal)", parameter: "model", code: "model_not_found")
    }
    return JSONResponse.make(entry)
  }
}

extension String {
  /// Percent-encoding undone; nil where it is malformed.
  var removingPercent: String? {
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
