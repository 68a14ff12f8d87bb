// What travels with an HTTP request: its connection.

import Hummingbird
import NIOCore

/// Context of a request.
package struct APIContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  let channel: any Channel

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// Turns every error into a body that OpenAI's clients understand.
struct ErrorMiddleware: RouterMiddleware {
  typealias Context = APIContext
  let metrics: Metrics

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let error: APIError
    do {
      return try await next(request, context)
    } catch let refused as APIError {
      error = refused
    } catch let http as HTTPError where http.status == .notFound {
      error = .notFound("nothing at \(request.uri.path.prefix(100)); see /v1/models", code: "unknown_path")
    } catch let http as HTTPError {
      error = APIError(
        status: http.status, message: http.body ?? http.status.reasonPhrase, type: "invalid_request_error")
    }
    metrics.countError(status: error.status.code)
    return error.response
  }
}
