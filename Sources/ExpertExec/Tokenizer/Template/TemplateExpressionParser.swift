// Expressions, in Jinja's order of precedence: if-else, or, and, not, comparisons, + and -, ~, * / // %, unary minus,
// attributes and calls, then filters and tests.

extension TemplateParser {
  mutating func expression() throws(TemplateProblem) -> TemplateExpression {
    try nested { (parser) throws(TemplateProblem) in
      let value = try parser.orExpression()
      try parser.checkHeight(value)
      guard parser.take(word: "if") else { return value }
      let condition = try parser.orExpression()
      let otherwise = parser.take(word: "else") ? try parser.expression() : nil
      return TemplateExpression(
        position: value.position, kind: .choice(condition: condition, value, otherwise: otherwise))
    }
  }

  mutating func orExpression() throws(TemplateProblem) -> TemplateExpression {
    var left = try andExpression()
    while take(word: "or") {
      try checkHeight(left)
      left = TemplateExpression(position: left.position, kind: .or(left, try andExpression()))
    }
    return left
  }

  private mutating func andExpression() throws(TemplateProblem) -> TemplateExpression {
    var left = try notExpression()
    while take(word: "and") {
      try checkHeight(left)
      left = TemplateExpression(position: left.position, kind: .and(left, try notExpression()))
    }
    return left
  }

  /// Every link of a chain is a level of the tree that the interpreter descends, so chains are limited too.
  private func checkHeight(_ expression: TemplateExpression) throws(TemplateProblem) {
    guard expression.height <= Self.heightLimit else {
      throw problem("an expression of more than \(Self.heightLimit) levels")
    }
  }

  private mutating func notExpression() throws(TemplateProblem) -> TemplateExpression {
    let start = position
    guard take(word: "not") else { return try comparison() }
    return TemplateExpression(
      position: start, kind: .not(try nested { (parser) throws(TemplateProblem) in try parser.notExpression() }))
  }

  private mutating func comparison() throws(TemplateProblem) -> TemplateExpression {
    let first = try sum()
    var rest: [(TemplateExpression.Comparison, TemplateExpression)] = []
    while let comparison = comparisonSign() { rest.append((comparison, try sum())) }
    if rest.isEmpty { return first }
    return TemplateExpression(position: first.position, kind: .comparison(first, rest))
  }

  private mutating func comparisonSign() -> TemplateExpression.Comparison? {
    switch next {
    case .symbol(let sign):
      guard let comparison = TemplateExpression.Comparison(rawValue: sign) else { return nil }
      at += 1
      return comparison
    case .name("in"):
      at += 1
      return .isIn
    case .name("not"):
      guard at + 1 < tokens.count, tokens[at + 1].kind == .name("in") else { return nil }
      at += 2
      return .isNotIn
    default: return nil
    }
  }

  private mutating func sum() throws(TemplateProblem) -> TemplateExpression {
    try chain(["+", "-"]) { (parser) throws(TemplateProblem) in
      try parser.chain(["~"]) { (parser) throws(TemplateProblem) in
        try parser.chain(["*", "/", "//", "%"]) { (parser) throws(TemplateProblem) in
          try parser.unary(takesFilters: true)
        }
      }
    }
  }

  private mutating func chain(
    _ signs: [String], _ part: (inout TemplateParser) throws(TemplateProblem) -> TemplateExpression
  ) throws(TemplateProblem) -> TemplateExpression {
    var left = try part(&self)
    while case .symbol(let sign) = next, signs.contains(sign),
      let operation = TemplateExpression.Arithmetic(rawValue: sign)
    {
      try checkHeight(left)
      at += 1
      left = TemplateExpression(position: left.position, kind: .arithmetic(operation, left, try part(&self)))
    }
    return left
  }

  private mutating func unary(takesFilters: Bool) throws(TemplateProblem) -> TemplateExpression {
    try nested { (parser) throws(TemplateProblem) in
      let start = parser.position
      var value: TemplateExpression
      if parser.take(symbol: "-") {
        value = TemplateExpression(position: start, kind: .negative(try parser.unary(takesFilters: false)))
      } else if parser.take(symbol: "+") {
        value = try parser.unary(takesFilters: false)
      } else {
        value = try parser.primary()
      }
      value = try parser.postfix(value)
      return takesFilters ? try parser.filtersAndTests(value) : value
    }
  }

  private mutating func primary() throws(TemplateProblem) -> TemplateExpression {
    let start = position
    func made(_ kind: TemplateExpression.Kind) -> TemplateExpression {
      TemplateExpression(position: start, kind: kind)
    }
    guard let token = next else { throw problem("the template ends inside a tag") }
    at += 1
    switch token {
    case .string(var text):
      // Neighbouring strings are one.
      while case .string(let more) = next {
        text += more
        at += 1
      }
      return made(.literal(.text(text)))
    case .integer(let value): return made(.literal(.integer(value)))
    case .number(let value): return made(.literal(.number(value)))
    case .name(let name): return try named(name, at: start)
    case .symbol("("): return try parenthesised(start)
    case .symbol("["): return made(.list(try elements(until: "]")))
    case .symbol("{"): return made(.map(try members()))
    default: throw problem("expected a value", at: start)
    }
  }

  private mutating func named(_ name: String, at start: TemplatePosition) throws(TemplateProblem) -> TemplateExpression
  {
    let kind: TemplateExpression.Kind
    switch name {
    case "true", "True": kind = .literal(.bool(true))
    case "false", "False": kind = .literal(.bool(false))
    case "none", "None": kind = .literal(.none)
    case "and", "or", "not", "if", "else", "elif", "in", "is": throw problem("expected a value", at: start)
    default:
      guard take(symbol: "(") else {
        kind = .name(name)
        break
      }
      guard let function = TemplateFunction(rawValue: name) else {
        throw problem("the function \(name)() is not supported", at: start)
      }
      kind = .function(function, try arguments())
    }
    return TemplateExpression(position: start, kind: kind)
  }

  /// One value in brackets, or a tuple, which is a list here.
  private mutating func parenthesised(_ start: TemplatePosition) throws(TemplateProblem) -> TemplateExpression {
    if take(symbol: ")") { return TemplateExpression(position: start, kind: .list([])) }
    let first = try expression()
    if take(symbol: ")") { return first }
    try expect(symbol: ",")
    return TemplateExpression(position: start, kind: .list([first] + (try elements(until: ")"))))
  }

  private mutating func elements(until close: String) throws(TemplateProblem) -> [TemplateExpression] {
    var elements: [TemplateExpression] = []
    while !take(symbol: close) {
      elements.append(try expression())
      if take(symbol: close) { break }
      try expect(symbol: ",")
    }
    return elements
  }

  private mutating func members() throws(TemplateProblem)
    -> [(key: TemplateExpression, value: TemplateExpression)]
  {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !take(symbol: "}") {
      let key = try expression()
      try expect(symbol: ":")
      members.append((key, try expression()))
      if take(symbol: "}") { break }
      try expect(symbol: ",")
    }
    return members
  }

  /// The arguments of a call, after its opening bracket.
  private mutating func arguments() throws(TemplateProblem) -> TemplateArguments {
    var arguments = TemplateArguments()
    while !take(symbol: ")") {
      if case .name(let name) = next, at + 1 < tokens.count, tokens[at + 1].kind == .symbol("=") {
        at += 2
        arguments.named.append((name, try expression()))
      } else {
        guard arguments.named.isEmpty else { throw problem("a plain argument after a named one") }
        arguments.positional.append(try expression())
      }
      if take(symbol: ")") { break }
      try expect(symbol: ",")
    }
    return arguments
  }

  private mutating func postfix(_ value: TemplateExpression) throws(TemplateProblem) -> TemplateExpression {
    var value = value
    while true {
      let start = position
      if take(symbol: ".") {
        value = try attribute(of: value, at: start)
      } else if take(symbol: "[") {
        value = try item(of: value, at: start)
      } else if next == .symbol("(") {
        throw problem("calling this is not supported")
      } else {
        return value
      }
      try checkHeight(value)
    }
  }

  private mutating func attribute(of value: TemplateExpression, at start: TemplatePosition) throws(TemplateProblem)
    -> TemplateExpression
  {
    if case .integer(let index) = next {
      at += 1
      let literal = TemplateExpression(position: start, kind: .literal(.integer(index)))
      return TemplateExpression(position: start, kind: .item(value, literal))
    }
    let name = try name("the name of an attribute")
    if take(symbol: "(") {
      guard let method = TemplateMethod(rawValue: name) else {
        throw problem("the method .\(name)() is not supported", at: start)
      }
      return TemplateExpression(position: start, kind: .method(method, value, try arguments()))
    }
    if case .name("loop") = value.kind, LoopAttribute(rawValue: name) == nil {
      throw problem("loop.\(name) is not supported", at: start)
    }
    return TemplateExpression(position: start, kind: .attribute(value, name))
  }

  /// `[index]` or `[from:to:step]`, after the opening bracket.
  private mutating func item(of value: TemplateExpression, at start: TemplatePosition) throws(TemplateProblem)
    -> TemplateExpression
  {
    func isBoundary(_ token: TemplateToken.Kind?) -> Bool { token == .symbol(":") || token == .symbol("]") }
    let from = isBoundary(next) ? nil : try expression()
    guard take(symbol: ":") else {
      guard let from else { throw problem("expected an index") }
      try expect(symbol: "]")
      return TemplateExpression(position: start, kind: .item(value, from))
    }
    let to = isBoundary(next) ? nil : try expression()
    let step = take(symbol: ":") && !isBoundary(next) ? try expression() : nil
    try expect(symbol: "]")
    return TemplateExpression(position: start, kind: .slice(value, from: from, to: to, step: step))
  }

  private mutating func filtersAndTests(_ value: TemplateExpression) throws(TemplateProblem) -> TemplateExpression {
    var value = value
    while true {
      let start = position
      if take(symbol: "|") {
        let name = try name("the name of a filter")
        guard let filter = TemplateFilter(rawValue: name) else {
          throw problem("the filter |\(name) is not supported", at: start)
        }
        let arguments = take(symbol: "(") ? try arguments() : .none
        value = TemplateExpression(position: start, kind: .filter(filter, value, arguments))
      } else if take(word: "is") {
        value = try test(value, at: start)
      } else {
        return value
      }
      try checkHeight(value)
    }
  }

  private mutating func test(_ value: TemplateExpression, at start: TemplatePosition) throws(TemplateProblem)
    -> TemplateExpression
  {
    let isNegated = take(word: "not")
    let name = try name("the name of a test")
    guard let test = TemplateTest(rawValue: name.lowercased()) else {
      throw problem("the test \"is \(name)\" is not supported", at: start)
    }
    var arguments: [TemplateExpression] = []
    if test.takesArgument {
      if take(symbol: "(") {
        arguments = try elements(until: ")")
      } else {
        arguments = [try unary(takesFilters: false)]
      }
      guard arguments.count == 1 else { throw problem("\"is \(name)\" compares with one value", at: start) }
    }
    let result = TemplateExpression(position: start, kind: .test(test, value, arguments))
    return isNegated ? TemplateExpression(position: start, kind: .not(result)) : result
  }
}
