// /v1/completions and /v1/chat/completions.

import Hummingbird
import NIOCore
import SiftCore

/// Answers requests for text.
struct GenerationRoutes: Sendable {
  let model: any ServedModel
  let scheduler: Scheduler
  /// Read once a request; a reload replaces it.
  let defaults: @Sendable () -> RequestDefaults
  let bodyLimit: Int
  /// Seconds since 1970.
  let unixTime: @Sendable () -> Int
  /// Ids and seeds of requests that bring none.
  let random: @Sendable () -> UInt64

  func respond(_ request: Request, _ context: APIContext, style: AnswerStyle) async throws -> Response {
    let parsed = try parse(try await BodyReader.json(request, limit: bodyLimit), style)
    let generation: RunningGeneration
    do {
      generation = try scheduler.submit(parsed.request)
    } catch {
      switch error {
      case .queueFull(let waiting): throw APIError.queueFull(waiting: waiting)
      case .stopping: throw APIError.stopping
      }
    }
    return parsed.streams
      ? stream(generation, parsed, context, style) : try await whole(generation, parsed, context, style)
  }

  private func parse(_ body: JSONValue, _ style: AnswerStyle) throws(APIError) -> ParsedRequest {
    let id = style.idPrefix + Self.hexadecimal(random()) + Self.hexadecimal(random())
    let parser = RequestParser(model: model, defaults: defaults(), seed: random(), id: id)
    return style == .chat ? try parser.chat(body) : try parser.completion(body)
  }

  private func whole(
    _ generation: RunningGeneration, _ parsed: ParsedRequest, _ context: APIContext, _ style: AnswerStyle
  ) async throws -> Response {
    let ticket = await ConnectionWatch.begin(context.channel, gone: generation.cancel)
    defer { ticket?.end() }
    var collector = AnswerCollector(sequences: parsed.request.sequences)
    for await event in generation.events { collector.take(event) }
    return JSONResponse.make(try collector.body(style: style, parsed: parsed, model: model, created: unixTime()))
  }

  private func stream(
    _ generation: RunningGeneration, _ parsed: ParsedRequest, _ context: APIContext, _ style: AnswerStyle
  ) -> Response {
    let created = unixTime()
    let body = ResponseBody { writer in
      var output = AnswerStream(style: style, parsed: parsed, created: created)
      for chunk in output.opening() { try await writer.write(ByteBuffer(bytes: chunk)) }
      let ticket = await ConnectionWatch.begin(context.channel, gone: generation.cancel)
      defer { ticket?.end() }
      for await event in generation.events {
        for chunk in output.chunks(for: event) { try await writer.write(ByteBuffer(bytes: chunk)) }
      }
      try await writer.finish(nil)
    }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"], body: body)
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
