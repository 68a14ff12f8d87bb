// What clients get that ask properly.

import Hummingbird
import HummingbirdTesting
import SiftCore
import SiftDaemon
import Testing

@Suite("Completions")
struct CompletionTests {
  @Test("a prompt is answered with text, usage and the price")
  func completion() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":"say:hello|","max_tokens":20,"temperature":0}"#)
      #expect(response.status == .ok)
      let answer = try response.json(Answer.self)
      #expect(answer.object == "text_completion")
      #expect(answer.created == 1_700_000_000)
      #expect(answer.id.hasPrefix("cmpl-"))
      #expect(answer.choices.map(\.text) == ["hello"])
      #expect(answer.choices[0].finish_reason == "stop")
      #expect(answer.usage == .init(prompt_tokens: 10, completion_tokens: 6, total_tokens: 16))
      #expect(answer.sift?.policy == "topk")
      #expect(answer.sift?.energy_j == 10)
      #expect(answer.sift?.energy_dynamic_j == 4)
      #expect(answer.sift?.energy_standing == "measured")
    }
  }

  @Test("several prompts, as strings or token ids, and n are choices in order")
  func several() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let strings = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":["say:a|","say:b|"],"n":2,"temperature":0}"#)
      #expect(try strings.json(Answer.self).choices.map(\.text) == ["a", "a", "b", "b"])
      let ids = "say:c|".utf8.map(String.init).joined(separator: ",")
      let tokens = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":[\#(ids)],"temperature":0}"#)
      #expect(try tokens.json(Answer.self).choices.map(\.text) == ["c"])
      let both = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":[[\#(ids)],[\#(ids)]],"temperature":0}"#)
      #expect(try both.json(Answer.self).choices.map(\.text) == ["c", "c"])
    }
  }

  @Test("a stream's chunks add up to the answer, end with a reason, usage when asked for, and [DONE]")
  func stream() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/completions",
        #"{"model":"fake","prompt":"say:hallo wörld|","max_tokens":20,"temperature":0,"stream":true,"stream_options":{"include_usage":true}}"#
      )
      #expect(response.headers[.contentType] == "text/event-stream; charset=utf-8")
      #expect(Events.data(response.text).last == "[DONE]")
      let answers = try Events.answers(response.text)
      #expect(answers.flatMap(\.choices).compactMap(\.text).joined() == "hallo wörld")
      #expect(answers.flatMap(\.choices).compactMap(\.finish_reason) == ["stop"])
      #expect(answers.last?.choices.isEmpty == true)
      #expect(answers.last?.usage == .init(prompt_tokens: 17, completion_tokens: 13, total_tokens: 30))
      #expect(answers.dropLast().allSatisfy { $0.usage == nil })
      #expect(answers.last?.sift != nil)
      #expect(Set(answers.map(\.id)).count == 1)
    }
  }

  @Test("without include_usage no chunk is without a choice, and the last one has the price")
  func streamWithoutUsage() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":["say:a|","say:bc|"],"temperature":0,"stream":true}"#)
      let answers = try Events.answers(response.text)
      #expect(answers.allSatisfy { $0.choices.count == 1 })
      #expect(answers.last?.sift != nil)
      #expect(!response.text.contains("usage"))
      for (index, text) in ["a", "bc"].enumerated() {
        let mine = answers.flatMap(\.choices).filter { $0.index == index }
        #expect(mine.compactMap(\.text).joined() == text)
        #expect(mine.last?.finish_reason == "stop")
      }
    }
  }

  @Test("a seed repeats an answer, another one changes it")
  func seed() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let ask = { (seed: Int) in
        try await client.post("/v1/completions", #"{"model":"fake","prompt":"once","seed":\#(seed),"temperature":1.0}"#)
          .json(Answer.self).choices[0].text
      }
      let first = try await ask(5)
      #expect(try await ask(5) == first)
      #expect(try await ask(6) != first)
      #expect(try await ask(-1) == ask(-1))
    }
  }

  @Test("the sift object chooses policy, budget and latency")
  func sift() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/completions",
        #"{"model":"fake","prompt":"say:x|","sift":{"policy":"nearest","error_budget":1,"latency":0.02}}"#)
      let answer = try response.json(Answer.self)
      #expect(answer.sift?.policy == "nearest")
      #expect(answer.sift?.error_budget == 1)
      #expect(answer.sift?.latency_ms == 20)
      let metrics = try await client.execute(uri: "/metrics", method: .get).text
      #expect(metrics.contains("siftd_requests_total{policy=\"nearest\",outcome=\"completed\"} 1\n"))
      #expect(metrics.contains("siftd_energy_joules_total{policy=\"nearest\",standing=\"measured\"} 10\n"))
      #expect(metrics.contains("siftd_request_seconds_count 1\n"))
    }
  }
}

@Suite("Chat completions")
struct ChatTests {
  @Test("messages are rendered and answered by the assistant")
  func chat() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/chat/completions",
        #"""
        {"model":"fake","messages":[{"role":"developer","content":"be brief"},
         {"role":"user","content":[{"type":"text","text":"say:"},{"type":"text","text":"hi|"}]}],
         "max_completion_tokens":20,"temperature":0,"tools":[],"user":"me","logprobs":false,"n":null,
         "response_format":{"type":"text"}}
        """#)
      #expect(response.status == .ok, "\(response.text)")
      let answer = try response.json(Answer.self)
      #expect(answer.object == "chat.completion")
      #expect(answer.id.hasPrefix("chatcmpl-"))
      #expect(answer.choices[0].message?.role == "assistant")
      #expect(answer.choices[0].message?.content == "hi")
    }
  }

  @Test("a chat's stream says first who speaks, and its last choice has an empty delta")
  func stream() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let response = try await client.post(
        "/v1/chat/completions",
        #"{"model":"fake","messages":[{"role":"user","content":"say:hey|"}],"temperature":0,"stream":true}"#)
      let answers = try Events.answers(response.text)
      #expect(answers.allSatisfy { $0.object == "chat.completion.chunk" })
      #expect(answers.first?.choices[0].delta?.role == "assistant")
      #expect(answers.flatMap(\.choices).compactMap(\.delta?.content).joined() == "hey")
      #expect(answers.last?.choices[0].delta?.content == nil)
      #expect(answers.last?.choices[0].finish_reason == "stop")
    }
  }

  @Test("models are listed, found by name, and others are not found")
  func models() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let list = try await client.execute(uri: "/v1/models", method: .get)
      #expect(list.text.contains(#""id":"fake""#))
      #expect(try await client.execute(uri: "/v1/models/fake", method: .get).status == .ok)
      #expect(try await client.execute(uri: "/v1/models/f%61ke", method: .get).status == .ok)
      let other = try await client.execute(uri: "/v1/models/gpt", method: .get)
      #expect(other.status == .notFound)
      #expect(other.error?.code == "model_not_found")
      #expect(try await client.execute(uri: "/healthz", method: .get).text == "ok\n")
      #expect(try await client.execute(uri: "/healthz", method: .head).status == .ok)
      #expect(try await client.execute(uri: "/sift/status", method: .get).json(StatusReport.self).node == "n")
    }
  }
}
