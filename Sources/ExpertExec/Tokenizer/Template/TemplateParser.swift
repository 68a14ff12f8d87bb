// Tokens to statements. What is not known is refused here, at load time, with its position.

struct TemplateParser {
  var tokens: [TemplateToken]
  var at = 0
  /// Nesting of statements and expressions: limited, so that the stack is.
  var depth = 0
  static let depthLimit = 64
  static let heightLimit = 256
  private var loops = 0
  let end: TemplatePosition

  /// The statements of a template.
  static func parse(_ template: String) throws(TemplateProblem) -> [TemplateNode] {
    var parser = TemplateParser(tokens: try TemplateLexer.tokens(template), end: template.utf8.count)
    let nodes = try parser.nodes(until: [])
    return nodes
  }

  private init(tokens: [TemplateToken], end: TemplatePosition) {
    self.tokens = tokens
    self.end = end
  }

  var next: TemplateToken.Kind? { at < tokens.count ? tokens[at].kind : nil }
  var position: TemplatePosition { at < tokens.count ? tokens[at].position : end }

  func problem(_ text: String, at position: TemplatePosition? = nil) -> TemplateProblem {
    TemplateProblem(position: position ?? self.position, problem: text)
  }

  mutating func nested<Result>(_ body: (inout TemplateParser) throws(TemplateProblem) -> Result)
    throws(TemplateProblem) -> Result
  {
    guard depth < Self.depthLimit else { throw problem("nested deeper than \(Self.depthLimit)") }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  mutating func take(_ kind: TemplateToken.Kind) -> Bool {
    guard next == kind else { return false }
    at += 1
    return true
  }

  mutating func take(symbol: String) -> Bool { take(.symbol(symbol)) }
  mutating func take(word: String) -> Bool { take(.name(word)) }

  mutating func expect(_ kind: TemplateToken.Kind, _ name: String) throws(TemplateProblem) {
    guard take(kind) else { throw problem("expected \(name)") }
  }

  mutating func expect(symbol: String) throws(TemplateProblem) { try expect(.symbol(symbol), "'\(symbol)'") }

  mutating func name(_ what: String) throws(TemplateProblem) -> String {
    guard case .name(let name) = next else { throw problem("expected \(what)") }
    at += 1
    return name
  }

  private mutating func endTag() throws(TemplateProblem) { try expect(.blockEnd, "'%}'") }

  /// Statements up to a tag that begins with one of `words`, which is left with its word as the next token; to the end
  /// of the template when there are none.
  private mutating func nodes(until words: [String]) throws(TemplateProblem) -> [TemplateNode] {
    try nested { (parser) throws(TemplateProblem) in
      var nodes: [TemplateNode] = []
      while let token = parser.next {
        switch token {
        case .text(let text):
          parser.at += 1
          nodes.append(.text(TemplateText(text)))
        case .outputBegin:
          parser.at += 1
          nodes.append(.output(try parser.expression()))
          try parser.expect(.outputEnd, "'}}'")
        case .blockBegin:
          parser.at += 1
          if case .name(let word) = parser.next, words.contains(word) { return nodes }
          nodes.append(contentsOf: try parser.statement())
        default: throw parser.problem("unexpected token")
        }
      }
      guard words.isEmpty else { throw parser.problem("expected {% \(words.joined(separator: " %} or {% ")) %}") }
      return nodes
    }
  }

  private mutating func statement() throws(TemplateProblem) -> [TemplateNode] {
    let start = position
    let word = try name("the name of a statement")
    switch word {
    case "if": return [try branch()]
    case "for": return [try loop()]
    case "set": return [try set()]
    case "break", "continue":
      guard loops > 0 else { throw problem("{% \(word) %} outside of a loop", at: start) }
      try endTag()
      return [word == "break" ? .breakLoop : .continueLoop]
    case "generation":
      // Marks what an assistant wrote, for training; rendered as it is.
      try endTag()
      let body = try nodes(until: ["endgeneration"])
      at += 1
      try endTag()
      return body
    default: throw problem("the statement {% \(word) %} is not supported", at: start)
    }
  }

  private mutating func branch() throws(TemplateProblem) -> TemplateNode {
    var cases: [(condition: TemplateExpression, body: [TemplateNode])] = []
    var otherwise: [TemplateNode] = []
    var word = "if"
    while word == "if" || word == "elif" {
      let condition = try expression()
      try endTag()
      cases.append((condition, try nodes(until: ["elif", "else", "endif"])))
      word = try name("elif, else or endif")
    }
    if word == "else" {
      try endTag()
      otherwise = try nodes(until: ["endif"])
      at += 1
    }
    try endTag()
    return .branch(cases, otherwise: otherwise)
  }

  private mutating func loop() throws(TemplateProblem) -> TemplateNode {
    var names = [try name("the name of a loop variable")]
    while take(symbol: ",") { names.append(try name("the name of a loop variable")) }
    try expect(.name("in"), "'in'")
    let sequence = try orExpression()
    let condition = take(word: "if") ? try expression() : nil
    if next == .name("recursive") { throw problem("recursive loops are not supported") }
    try endTag()
    loops += 1
    let body = try nodes(until: ["else", "endfor"])
    loops -= 1
    var otherwise: [TemplateNode] = []
    if try name("else or endfor") == "else" {
      try endTag()
      otherwise = try nodes(until: ["endfor"])
      at += 1
    }
    try endTag()
    return .loop(names: names, sequence: sequence, condition: condition, body: body, otherwise: otherwise)
  }

  private mutating func set() throws(TemplateProblem) -> TemplateNode {
    let variable = try name("the name of a variable")
    if take(symbol: ".") {
      let attribute = try name("the name of an attribute")
      try expect(symbol: "=")
      let value = try expression()
      try endTag()
      return .setAttribute(of: variable, attribute: attribute, value)
    }
    if take(symbol: "=") {
      let value = try expression()
      try endTag()
      return .set(name: variable, value)
    }
    try endTag()
    let body = try nodes(until: ["endset"])
    at += 1
    try endTag()
    return .capture(name: variable, body: body)
  }
}
