// Reads the body of a request, never more than allowed.

import Hummingbird
import NIOCore

enum BodyReader {
  /// - Throws: `APIError` 413 before anything is read when the client announces too much, or as soon as too much came;
  ///   415 for a body that says it is something else than JSON.
  static func json(_ request: Request, limit: Int) async throws -> JSONValue {
    if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit {
      throw APIError.tooLarge(limit: limit)
    }
    if let type = request.headers[.contentType] {
      let media = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
      guard media == "application/json" else { throw APIError.unsupportedMedia(String(type.prefix(100))) }
    }
    var bytes: [UInt8] = []
    for try await buffer in request.body {
      guard bytes.count + buffer.readableBytes <= limit else { throw APIError.tooLarge(limit: limit) }
      bytes.append(contentsOf: buffer.readableBytesView)
    }
    return try JSONValue.parse(bytes)
  }
}
