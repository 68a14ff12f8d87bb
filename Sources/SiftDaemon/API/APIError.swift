// Errors of the HTTP API in the form that OpenAI's clients expect: {"error": {message, type, param, code}}.

import FoundationEssentials
import Hummingbird
import NIOCore

/// A refused request.
struct APIError: Error, Equatable {
  var status: HTTPResponse.Status
  /// One line: what is wrong, and what would be right.
  var message: String
  /// OpenAI's class of the error.
  var type: String
  /// The field to blame.
  var parameter: String?
  /// A word for programs.
  var code: String?
  var headers: HTTPFields = [:]

  static func badRequest(_ message: String, parameter: String? = nil, code: String? = nil) -> APIError {
    APIError(
      status: .badRequest, message: message, type: "invalid_request_error", parameter: parameter, code: code)
  }
  static func notFound(_ message: String, parameter: String? = nil, code: String? = nil) -> APIError {
    APIError(status: .notFound, message: message, type: "invalid_request_error", parameter: parameter, code: code)
  }
  static func methodNotAllowed(_ method: String, allowed: [String]) -> APIError {
    var error = APIError(
      status: .methodNotAllowed, message: "\(method) is not possible here, only \(allowed.joined(separator: ", "))",
      type: "invalid_request_error", code: "method_not_allowed")
    error.headers = [.allow: allowed.joined(separator: ", ")]
    return error
  }
  static func tooLarge(limit: Int) -> APIError {
    var error = APIError(
      status: .contentTooLarge, message: "the body is larger than \(limit) bytes (api.max-body-bytes)",
      type: "invalid_request_error", code: "request_too_large")
    error.headers = [.connection: "close"]
    return error
  }
  static func unsupportedMedia(_ type: String) -> APIError {
    APIError(
      status: .unsupportedMediaType, message: "content-type is \(type), expected application/json",
      type: "invalid_request_error", code: "unsupported_media_type")
  }
  static func queueFull(waiting: Int) -> APIError {
    var error = APIError(
      status: .tooManyRequests, message: "\(waiting) sequences are waiting already; try again later",
      type: "rate_limit_error", code: "queue_full")
    error.headers = [.retryAfter: "1"]
    return error
  }
  static let stopping: APIError = {
    var error = APIError(
      status: .serviceUnavailable, message: "the daemon is stopping", type: "server_error", code: "stopping")
    error.headers = [.retryAfter: "5", .connection: "close"]
    return error
  }()
  static func internalError(_ message: String) -> APIError {
    APIError(status: .internalServerError, message: message, type: "server_error")
  }

  /// The body.
  var body: ErrorBody { ErrorBody(error: .init(message: message, type: type, param: parameter, code: code)) }

  var response: Response {
    var response = JSONResponse.make(body, status: status)
    for header in headers { response.headers[header.name] = header.value }
    return response
  }
}

/// `{"error": …}`; `param` and `code` are null when there is nothing to say, as OpenAI has it.
struct ErrorBody: Encodable {
  struct Detail: Encodable {
    var message: String
    var type: String
    var param: String?
    var code: String?

    private enum CodingKeys: CodingKey { case message, type, param, code }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(message, forKey: .message)
      try container.encode(type, forKey: .type)
      try container.encode(param, forKey: .param)
      try container.encode(code, forKey: .code)
    }
  }
  var error: Detail
}

/// Responses with a JSON body.
enum JSONResponse {
  /// Encodes; keys in alphabetical order so that the same answer has the same bytes.
  static func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Every figure that is encoded was checked to be finite; a failure would be a defect of this program, and the
    // client still gets valid JSON.
    guard let data = try? encoder.encode(value) else {
      return Array(
        #"{"error":{"message":"the answer cannot be encoded","type":"server_error","param":null,"code":null}}"#.utf8)
    }
    return [UInt8](data)
  }

  static func make(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: encode(value))))
  }
}
