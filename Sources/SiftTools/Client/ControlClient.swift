// Talks to a daemon over its HTTP API; every failure is one line that says which address and what to do.

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// A client of one daemon. Made by `with`, which also closes its connections.
public struct ControlClient: Sendable {
  public let address: DaemonAddress
  private let http: HTTPClient
  /// How long a request may take, its answer included.
  private let patience: TimeAmount

  /// Runs `body` with a client and closes its connections afterwards.
  public static func with<Result: Sendable>(
    _ address: DaemonAddress, patience: Duration = .seconds(600), body: (ControlClient) async throws -> Result
  ) async throws -> Result {
    var configuration = HTTPClient.Configuration.singletonConfiguration
    configuration.timeout.connect = .seconds(5)
    // A peer that is slow is slow, not gone: what limits a request is `patience`.
    configuration.timeout.read = nil
    configuration.connectionPool.retryConnectionEstablishment = false
    let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let client = ControlClient(
      address: address, http: http, patience: .nanoseconds(Int64(patience / .nanoseconds(1))))
    do {
      let result = try await body(client)
      try? await http.shutdown()
      return result
    } catch {
      try? await http.shutdown()
      throw error
    }
  }

  /// The body of a GET.
  /// - Throws: `ToolFailure`.
  public func text(_ path: String) async throws(ToolFailure) -> String {
    String(decoding: try await exchange(HTTPClientRequest(url: address.url(path))), as: UTF8.self)
  }

  /// The answer of a GET, decoded.
  /// - Throws: `ToolFailure`.
  public func get<Answer: Decodable>(_ path: String, as type: Answer.Type) async throws(ToolFailure) -> Answer {
    try decode(type, try await exchange(HTTPClientRequest(url: address.url(path))), path)
  }

  /// The answer of a POST, decoded.
  /// - Throws: `ToolFailure`; a refusal is in the daemon's own words.
  public func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable, as type: Answer.Type
  ) async throws(ToolFailure) -> Answer {
    try decode(type, try await exchange(request(path, body)), path)
  }

  /// Posts and hands over the data of each server-sent event as it comes, `[DONE]` excepted.
  /// - Throws: `ToolFailure`, also when the stream breaks off before `[DONE]`.
  public func stream(
    _ path: String, _ body: some Encodable, event: (String) throws -> Void
  ) async throws {
    let response = try await send(try request(path, body))
    guard response.status == .ok else { throw refusal(response.status, try await collect(response)) }
    var events = ServerSentEvents()
    do {
      for try await piece in response.body {
        for data in events.append(piece.readableBytesView) {
          if data == "[DONE]" { return }
          try event(data)
        }
      }
    } catch let failure as ToolFailure {
      throw failure
    } catch {
      throw ToolFailure(.failure, "siftd at \(address): the answer broke off: \(Self.words(error))")
    }
    throw ToolFailure(.failure, "siftd at \(address): the answer broke off before its end")
  }
}

extension ControlClient {
  /// Posts bytes as they are. - Returns: whatever status and body come back.
  package func post(raw bytes: [UInt8], to path: String) async throws(ToolFailure) -> (status: Int, body: String) {
    var request = HTTPClientRequest(url: address.url(path))
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: bytes))
    let response = try await send(request)
    return (Int(response.status.code), String(decoding: try await collect(response), as: UTF8.self))
  }

  /// One event of a stream, decoded; an event that is an error becomes a `ToolFailure` in the daemon's words.
  package func decodeEvent<Event: Decodable>(_ type: Event.Type, _ data: String) throws(ToolFailure) -> Event {
    let body = Array(data.utf8)
    if let reason = Self.reason(body) { throw ToolFailure(.failure, "siftd at \(address): \(reason)") }
    return try decode(type, body, "an event")
  }

  private func request(_ path: String, _ body: some Encodable) throws(ToolFailure) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: address.url(path))
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    do {
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    } catch {
      throw ToolFailure(.failure, "a request to \(path) cannot be written as JSON: \(error)")
    }
    return request
  }

  private func exchange(_ request: HTTPClientRequest) async throws(ToolFailure) -> [UInt8] {
    let response = try await send(request)
    let body = try await collect(response)
    guard response.status == .ok else { throw refusal(response.status, body) }
    return body
  }

  private func send(_ request: HTTPClientRequest) async throws(ToolFailure) -> HTTPClientResponse {
    do {
      return try await http.execute(request, timeout: patience)
    } catch {
      throw ToolFailure(.unavailable, "siftd at \(address): \(Self.words(error))")
    }
  }

  private func collect(_ response: HTTPClientResponse) async throws(ToolFailure) -> [UInt8] {
    do {
      return Array(buffer: try await response.body.collect(upTo: 64 << 20))
    } catch {
      throw ToolFailure(.failure, "siftd at \(address): the answer broke off: \(Self.words(error))")
    }
  }

  private func decode<Answer: Decodable>(
    _ type: Answer.Type, _ body: [UInt8], _ path: String
  ) throws(ToolFailure) -> Answer {
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch {
      throw ToolFailure(
        .failure,
        "siftd at \(address): \(path) answered what this siftctl does not understand: \(Self.words(decoding: error))")
    }
  }

  /// A status that is not 200, in the words of its error body if it has one.
  private func refusal(_ status: HTTPResponseStatus, _ body: [UInt8]) -> ToolFailure {
    ToolFailure(.failure, "siftd at \(address): \(Self.reason(body) ?? status.reasonPhrase) (\(status.code))")
  }

  /// The message of an error body; nil for any other body.
  private static func reason(_ body: [UInt8]) -> String? {
    struct Refusal: Decodable {
      struct Reason: Decodable { let message: String }
      let error: Reason
    }
    return (try? JSONDecoder().decode(Refusal.self, from: Data(body)))?.error.message
  }

  /// The field that was missing or of another kind.
  private static func words(decoding error: any Error) -> String {
    let place = { (context: DecodingError.Context) in
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context): return "\(key.stringValue) is missing (\(place(context)))"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      return place(context)
    default: return "\(error)"
    }
  }

  /// What went wrong on the way, and what to do about it.
  private static func words(_ error: any Error) -> String {
    let advice = "is siftd running? `systemctl status siftd`, or --socket for another address"
    switch error {
    case let error as HTTPClientError where error == .connectTimeout: return "no answer in 5 s; \(advice)"
    case let error as HTTPClientError where error == .deadlineExceeded: return "no answer in time"
    case let error as IOError:
      let reason = String(cString: strerror(error.errnoCode))
      return [ENOENT, ECONNREFUSED].contains(error.errnoCode) ? "\(reason); \(advice)" : reason
    case let error as NIOConnectionError:
      return error.connectionErrors.first.map { words($0.error) } ?? "no connection; \(advice)"
    default: return "\(error)"
    }
  }
}
