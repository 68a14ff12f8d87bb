// What clients get that ask wrongly: one clear line with the field, and nobody else is disturbed.

import Dispatch
import Hummingbird
import HummingbirdTesting
import NIOCore
import SiftDaemon
import Testing

@Suite("Bad requests")
struct BadRequestTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var body: String
    var message: String
    var parameter: String?
    var code: String?
    var status = 400
    var testDescription: String { String(body.prefix(100)) }
  }

  static let completions: [Case] = [
    Case(body: "", message: "the body is empty; a JSON object is expected"),
    Case(body: "[]", message: "the body must be a JSON object, got an array"),
    Case(
      body: "{}", message: #"'model' is missing; this daemon serves "fake""#, parameter: "model",
      code: "missing_parameter"),
    Case(
      body: #"{"model":"gpt-4","prompt":"x"}"#, message: #"no model "gpt-4" here; this daemon serves "fake""#,
      parameter: "model", code: "model_not_found", status: 404),
    Case(body: #"{"model":5,"prompt":"x"}"#, message: "'model' must be a string, got 5", parameter: "model"),
    Case(body: #"{"model":"fake"}"#, message: "'prompt' is missing", parameter: "prompt", code: "missing_parameter"),
    Case(
      body: #"{"model":"fake","prompt":""}"#, message: "'prompt' is empty: there is nothing to continue",
      parameter: "prompt", code: "empty_prompt"),
    Case(
      body: #"{"model":"fake","prompt":[]}"#, message: "'prompt' is empty: there is nothing to continue",
      parameter: "prompt", code: "empty_prompt"),
    Case(
      body: #"{"model":"fake","prompt":["a",""]}"#, message: "'prompt' is empty: there is nothing to continue",
      parameter: "prompt", code: "empty_prompt"),
    Case(
      body: #"{"model":"fake","prompt":[1,"a"]}"#,
      message: "'prompt' must be a string, strings, token ids, or arrays of token ids; got a string",
      parameter: "prompt"),
    Case(
      body: #"{"model":"fake","prompt":[256]}"#, message: "'prompt' has token 256; the vocabulary has 0 to 255",
      parameter: "prompt"),
    Case(
      body: #"{"model":"fake","prompt":[-1]}"#, message: "'prompt' has token -1; the vocabulary has 0 to 255",
      parameter: "prompt"),
    Case(
      body: #"{"model":"fake","prompt":{}}"#,
      message: "'prompt' must be a string, strings, token ids, or arrays of token ids; got an object",
      parameter: "prompt"),
    Case(
      body: #"{"model":"fake","prompt":"x","max_tokens":0}"#, message: "'max_tokens' must be 1 or more, got 0",
      parameter: "max_tokens"),
    Case(
      body: #"{"model":"fake","prompt":"x","max_tokens":"ten"}"#,
      message: "'max_tokens' must be an integer, got a string", parameter: "max_tokens"),
    Case(
      body: #"{"model":"fake","prompt":"x","max_tokens":1.5}"#, message: "'max_tokens' must be an integer, got 1.5",
      parameter: "max_tokens"),
    Case(
      body: #"{"model":"fake","prompt":"x","max_tokens":9999}"#,
      message: "the model's context is 512 tokens, asked are 1 in the prompt and 9999 in max_tokens",
      parameter: "max_tokens", code: "context_length_exceeded"),
    Case(
      body: #"{"model":"fake","prompt":"\#(String(repeating: "x", count: 513))"}"#,
      message: "the model's context is 512 tokens, asked are 513 in the prompt", parameter: "prompt",
      code: "context_length_exceeded"),
    Case(
      body: #"{"model":"fake","prompt":"x","temperature":3}"#,
      message: "'temperature' must be between 0.0 and 2.0, got 3.0", parameter: "temperature"),
    Case(
      body: #"{"model":"fake","prompt":"x","temperature":true}"#, message: "'temperature' must be a number, got true",
      parameter: "temperature"),
    Case(
      body: #"{"model":"fake","prompt":"x","top_p":0}"#,
      message: "'top_p' must be above 0: nothing is left to pick from", parameter: "top_p"),
    Case(body: #"{"model":"fake","prompt":"x","n":0}"#, message: "'n' must be between 1 and 16, got 0", parameter: "n"),
    Case(
      body: #"{"model":"fake","prompt":"x","stop":["a","b","c","d","e"]}"#,
      message: "'stop' takes at most 4 strings, got 5", parameter: "stop"),
    Case(
      body: #"{"model":"fake","prompt":"x","stop":[""]}"#, message: "'stop' takes strings of 1 to 256 bytes, got 0",
      parameter: "stop"),
    Case(
      body: #"{"model":"fake","prompt":"x","stop":[5]}"#,
      message: "'stop' must be a string or an array of strings, got 5", parameter: "stop"),
    Case(
      body: #"{"model":"fake","prompt":"x","stream_options":{"include_usage":true}}"#,
      message: "'stream_options' needs 'stream': true", parameter: "stream_options"),
    Case(
      body: #"{"model":"fake","prompt":"x","logprobs":3}"#,
      message: "'logprobs' is supported only with 'echo': true and 'max_tokens': 0, which scores the prompt",
      parameter: "logprobs", code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","echo":true}"#,
      message: "'echo' is supported only with 'logprobs' and 'max_tokens': 0, which scores the prompt",
      parameter: "echo", code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","echo":true,"logprobs":0}"#,
      message: "'echo' is supported only with 'max_tokens': 0", parameter: "max_tokens", code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","echo":true,"logprobs":2,"max_tokens":0}"#,
      message: "'logprobs' names one likeliest token at most: 0 or 1, got 2", parameter: "logprobs",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","echo":true,"logprobs":0,"max_tokens":0,"stream":true}"#,
      message: "'stream' is not supported with 'echo'", parameter: "stream", code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","suffix":"y"}"#, message: "'suffix' is not supported", parameter: "suffix",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","best_of":3}"#,
      message: "'best_of' is not supported: only the value of 'n' is", parameter: "best_of",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","presence_penalty":0.5}"#,
      message: "'presence_penalty' is not supported: only 0 is", parameter: "presence_penalty",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","logit_bias":{"50":-100}}"#, message: "'logit_bias' is not supported",
      parameter: "logit_bias", code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","max_token":5}"#, message: "'max_token' is not a field of this request",
      parameter: "max_token", code: "unknown_parameter"),
    Case(
      body: #"{"model":"fake","prompt":"x","sift":5}"#, message: "'sift' must be a JSON object, got 5",
      parameter: "sift"),
    Case(
      body: #"{"model":"fake","prompt":"x","sift":{"policy":"magic"}}"#,
      message:
        "'sift.policy' must be one of \(Keys.policy.name.range.text), got \"magic\"",
      parameter: "sift.policy"),
    Case(
      body: #"{"model":"fake","prompt":"x","sift":{"error_budget":-1}}"#,
      message: "'sift.error_budget' must be between 0.0 and 10.0, got -1.0", parameter: "sift.error_budget"),
    Case(
      body: #"{"model":"fake","prompt":"x","sift":{"budget":1}}"#,
      message: "'sift.budget' is unknown; sift takes policy, error_budget, latency, latency_ms",
      parameter: "sift.budget", code: "unknown_parameter"),
  ]

  static let chats: [Case] = [
    Case(
      body: #"{"model":"fake"}"#, message: "'messages' is missing", parameter: "messages", code: "missing_parameter"),
    Case(
      body: #"{"model":"fake","messages":[]}"#, message: "'messages' is empty: there is nothing to continue",
      parameter: "messages", code: "empty_prompt"),
    Case(
      body: #"{"model":"fake","messages":"hi"}"#, message: "'messages' must be an array, got a string",
      parameter: "messages"),
    Case(
      body: #"{"model":"fake","messages":[{"content":"x"}]}"#, message: "'messages[0].role' is missing",
      parameter: "messages[0].role"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"king","content":"x"}]}"#,
      message: #"'messages[0].role' must be system, developer, user or assistant, got "king""#,
      parameter: "messages[0].role"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"user"}]}"#, message: "'messages[0].content' is missing",
      parameter: "messages[0].content"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
      message: "'messages[0].content' takes only parts of type text", parameter: "messages[0].content"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"assistant","content":"x"}]}"#,
      message: "the chat template refuses these messages: the last message must be the user's", parameter: "messages"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}"#,
      message: "'tools' is not supported: the model cannot call tools", parameter: "tools",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"user","content":"x"}],"logprobs":true}"#,
      message: "'logprobs' is not supported: this daemon gives no log probabilities", parameter: "logprobs",
      code: "unsupported_parameter"),
    Case(
      body: #"{"model":"fake","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}"#,
      message: #"'response_format' is not supported: only {"type": "text"} is"#, parameter: "response_format",
      code: "unsupported_parameter"),
  ]

  @Test("a completion that cannot be is refused in one line that names the field", arguments: completions)
  func completion(bad: Case) async throws { try await check(bad, "/v1/completions") }

  @Test("a chat that cannot be is refused in one line that names the field", arguments: chats)
  func chat(bad: Case) async throws { try await check(bad, "/v1/chat/completions") }

  private func check(_ bad: Case, _ path: String) async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(path, bad.body)
      #expect(response.status.code == bad.status)
      #expect(response.headers[.contentType] == "application/json")
      #expect(response.error?.message == bad.message)
      #expect(response.error?.type == "invalid_request_error")
      #expect(response.error?.param == bad.parameter)
      #expect(response.error?.code == bad.code)
      #expect(bench.log.opened == 0)
    }
  }

  @Test("invalid JSON and invalid UTF-8 are told apart, with the place")
  func malformed() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let json = try await client.post("/v1/completions", #"{"model":"fake","prompt":"#)
      #expect(json.status == .badRequest)
      #expect(json.error?.message.hasPrefix("the body is not valid JSON: ") == true)
      let bytes = Array(#"{"model":"é"#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
      let text = try await client.execute(
        uri: "/v1/completions", method: .post, headers: [.contentType: "application/json"],
        body: ByteBuffer(bytes: bytes))
      #expect(text.status == .badRequest)
      #expect(text.error?.message == "the body is not valid UTF-8 (byte 12)")
      let deep = try await client.post("/v1/completions", String(repeating: "[", count: 50_000))
      #expect(deep.status == .badRequest)
    }
  }

  @Test("unknown paths, wrong methods and wrong media types")
  func pathsAndMethods() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let path = try await client.execute(uri: "/v1/embeddings", method: .post)
      #expect(path.status == .notFound)
      #expect(path.error?.code == "unknown_path")
      let method = try await client.execute(uri: "/v1/completions", method: .get)
      #expect(method.status == .methodNotAllowed)
      #expect(method.headers[.allow] == "POST")
      #expect(try await client.execute(uri: "/metrics", method: .post).headers[.allow] == "GET, HEAD")
      let media = try await client.execute(
        uri: "/v1/completions", method: .post, headers: [.contentType: "text/plain"], body: ByteBuffer(string: "{}"))
      #expect(media.status == .unsupportedMediaType)
      let metrics = try await client.execute(uri: "/metrics", method: .get).text
      #expect(metrics.contains("siftd_http_errors_total{status=\"404\"} 1\n"))
    }
  }

  @Test("a model without a chat template says so")
  func noTemplate() async throws {
    let bench = try await APIBench(model: FakeModel(hasTemplate: false))
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/chat/completions", #"{"model":"fake","messages":[{"role":"user","content":"x"}]}"#)
      #expect(response.error?.code == "no_chat_template")
    }
  }

  @Test("a body beyond the limit is refused with 413, announced or not")
  func tooLarge() async throws {
    let bench = try await APIBench(bodyLimit: 1000)
    try await bench.serve { client in
      let response = try await client.post("/v1/completions", String(repeating: " ", count: 1001))
      #expect(response.status == .contentTooLarge)
      #expect(response.error?.message == "the body is larger than 1000 bytes (api.max-body-bytes)")
    }
  }

  @Test("an engine that refuses a request's tokens is a 500 for this request alone")
  func engineFailure() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let bad = try await client.post("/v1/completions", #"{"model":"fake","prompt":[255]}"#)
      #expect(bad.status == .internalServerError)
      #expect(bad.error?.message == "the engine refused a step: token 255 is poison")
      let stream = try await client.post("/v1/completions", #"{"model":"fake","prompt":[255],"stream":true}"#)
      #expect(stream.text.contains(#"data: {"error":{"code":null,"message":"the engine refused"#))
      #expect(!stream.text.contains("[DONE]"))
      let good = try await client.post("/v1/completions", #"{"model":"fake","prompt":"say:ok|","temperature":0}"#)
      #expect(try good.json(Answer.self).choices[0].text == "ok")
    }
  }

  @Test("a full queue is 429 with Retry-After, and the waiting ones are served")
  func queueFull() async throws {
    let gate = DispatchSemaphore(value: 0)
    let bench = try await APIBench(running: 1, waiting: 1, gate: gate)
    try await bench.serve { client in
      // One request with two sequences fills the place and the queue; the engine waits at the gate.
      async let first = client.post(
        "/v1/completions", #"{"model":"fake","prompt":["say:a|","say:b|"],"temperature":0}"#)
      for await _ in bench.log.openings { break }
      let refused = try await client.post("/v1/completions", #"{"model":"fake","prompt":"x"}"#)
      #expect(refused.status == .tooManyRequests)
      #expect(refused.headers[.retryAfter] == "1")
      #expect(refused.error?.type == "rate_limit_error")
      for _ in 0..<10 { gate.signal() }
      #expect(try await first.json(Answer.self).choices.map(\.text) == ["a", "b"])
    }
  }

  @Test("while the daemon stops, new requests get 503 and health says so")
  func stopping() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      bench.scheduler.close()
      let response = try await client.post("/v1/completions", #"{"model":"fake","prompt":"x"}"#)
      #expect(response.status == .serviceUnavailable)
      #expect(response.headers[.retryAfter] == "5")
      #expect(try await client.execute(uri: "/healthz", method: .get).status == .serviceUnavailable)
    }
  }
}
