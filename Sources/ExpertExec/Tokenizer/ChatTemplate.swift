// The chat template of a model: how a conversation becomes the text that the model was trained on.

/// A conversation that a template cannot or will not render.
public struct ChatTemplateError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Lines and columns of the template, from 1.
  public let line: Int
  public let column: Int
  public let problem: String
  /// True when the template itself refused the conversation (say, because roles do not alternate): the client's to mend.
  /// False when the template went wrong or asked for too much work.
  public let isRefusal: Bool

  public var description: String {
    isRefusal ? "the chat template refuses the conversation: \(problem)" : "chat template:\(line):\(column): \(problem)"
  }
}

/// A compiled chat template. Rendering is pure, bounded in time and memory, and never traps.
public struct ChatTemplate: Sendable {
  private let nodes: [TemplateNode]
  private let source: String
  /// bos_token and its like, out of tokenizer_config.json.
  private let tokens: [String: String]

  static let fileLimit = 1 << 20

  /// Reads chat_template.jinja, or the key `chat_template` of tokenizer_config.json.
  /// - Returns: nil when the model has no chat template.
  /// - Throws: `ModelError.chatTemplate` with line and column when the template uses something that is not supported.
  public init?(folder: String) throws(ModelError) {
    let opened = ModelFolder(folder)
    let configurationName = "tokenizer_config.json"
    var configuration = JSONObject()
    if opened.has(configurationName) { configuration = try opened.object(configurationName, limit: 16 << 20) }
    var path = opened.file("chat_template.jinja")
    let source: String
    if opened.has("chat_template.jinja") {
      let bytes = try opened.bytes("chat_template.jinja", limit: Self.fileLimit)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .chatTemplate(path: path, line: 1, column: 1, problem: "not valid UTF-8")
      }
      source = text
    } else {
      path = opened.file(configurationName)
      guard let text = Self.template(in: configuration) else { return nil }
      source = text
    }
    do throws(ChatTemplateError) {
      self = try ChatTemplate(source: source, tokens: Self.specialTokens(configuration))
    } catch { throw .chatTemplate(path: path, line: error.line, column: error.column, problem: error.problem) }
  }

  /// Compiles a template.
  /// - Parameter tokens: variables such as `bos_token`.
  public init(source: String, tokens: [String: String] = [:]) throws(ChatTemplateError) {
    // Positions count bytes of what the lexer sees, whose line ends are plain.
    let plain = source.replacing("\r\n", with: "\n")
    self.source = plain
    self.tokens = tokens
    do throws(TemplateProblem) { nodes = try TemplateParser.parse(plain) } catch {
      throw Self.located(error, in: plain)
    }
  }

  /// The conversation as text, remembering what of it people wrote.
  /// - Parameter addGenerationPrompt: whether the text ends where the assistant begins to speak.
  public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool) throws(ChatTemplateError) -> ChatPrompt {
    func quoted(_ text: String) -> TemplateValue { .text(TemplateText(text, isQuoted: true)) }
    var variables = tokens.mapValues { TemplateValue.text($0) }
    variables["messages"] = .list(
      messages.map {
        .map([
          (key: TemplateText("role"), value: quoted($0.role)),
          (key: TemplateText("content"), value: quoted($0.content)),
        ])
      })
    variables["add_generation_prompt"] = .bool(addGenerationPrompt)
    variables["tools"] = TemplateValue.none
    variables["documents"] = TemplateValue.none
    do throws(TemplateProblem) {
      let text = try TemplateInterpreter.render(
        nodes, variables: variables,
        inputBytes: messages.reduce(0) { $0 + $1.role.utf8.count + $1.content.utf8.count })
      return ChatPrompt(text: text.string, quoted: text.quoted)
    } catch { throw Self.located(error, in: source) }
  }

  private static func located(_ problem: TemplateProblem, in source: String) -> ChatTemplateError {
    let before = source.utf8.prefix(problem.position)
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
    return ChatTemplateError(line: line, column: column, problem: problem.problem, isRefusal: problem.isRefusal)
  }

  /// A template as text, or the one called "default" among several.
  private static func template(in configuration: JSONObject) -> String? {
    guard let value = configuration["chat_template"] else { return nil }
    if let text = value.string { return text }
    return value.array?.lazy.compactMap(\.object).first { $0["name"]?.string == "default" }?["template"]?.string
  }

  /// Keys such as `bos_token`: a string, or an object with its content.
  private static func specialTokens(_ configuration: JSONObject) -> [String: String] {
    var tokens: [String: String] = [:]
    for member in configuration.members where member.key.hasSuffix("_token") {
      tokens[member.key] = member.value.string ?? member.value.object?["content"]?.string
    }
    return tokens
  }
}
