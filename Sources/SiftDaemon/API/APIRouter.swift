// Every path of the HTTP API, with the methods it takes. Other methods get 405, other paths 404.

import Hummingbird

/// The routes of a daemon.
struct APIRouter {
  let status: StatusRoutes
  /// Nil on an expert host: it serves no text.
  let models: ModelRoutes?
  let generation: GenerationRoutes?
  let energy: EnergyRoutes

  func build() -> RouterResponder<APIContext> {
    let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: ErrorMiddleware(metrics: status.metrics))
    let (status, models, generation, energy) = (status, models, generation, energy)
    get("/healthz", router) { _, _ in status.health() }
    get("/metrics", router) { _, _ in status.metricsPage() }
    get("/sift/status", router) { _, _ in status.status() }
    get("/sift/links", router) { _, _ in status.linksReport() }
    get("/sift/conditions", router) { _, _ in energy.state() }
    get("/sift/energy", router) { request, _ in try energy.respond(request) }
    if let models {
      get("/v1/models", router) { _, _ in models.list() }
      get("/v1/models/:id", router) { _, context in try models.one(context) }
    }
    if let generation {
      post("/v1/completions", router) { try await generation.respond($0, $1, style: .completion) }
      post("/v1/chat/completions", router) { try await generation.respond($0, $1, style: .chat) }
    }
    return router.buildResponder()
  }

  typealias Handler = @Sendable (Request, APIContext) async throws -> Response

  private func get(_ path: RouterPath, _ router: Router<APIContext>, _ handler: @escaping Handler) {
    router.on(path, method: .get, use: handler)
    refuse([.post, .put, .delete, .patch, .options], at: path, allowed: ["GET", "HEAD"], router)
  }

  private func post(_ path: RouterPath, _ router: Router<APIContext>, _ handler: @escaping Handler) {
    router.on(path, method: .post, use: handler)
    refuse([.get, .head, .put, .delete, .patch, .options], at: path, allowed: ["POST"], router)
  }

  private func refuse(
    _ methods: [HTTPRequest.Method], at path: RouterPath, allowed: [String], _ router: Router<APIContext>
  ) {
    for method in methods {
      router.on(path, method: method) { _, _ -> Response in
        throw APIError.methodNotAllowed(method.rawValue, allowed: allowed)
      }
    }
  }
}
