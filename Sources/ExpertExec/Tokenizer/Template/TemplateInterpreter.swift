// Renders the statements of a template. Every step and every byte costs, and the sum is limited: a template cannot keep
// a request busy or fill the memory.

struct TemplateInterpreter {
  /// Variables by name, the innermost scope last. Loops and captures have scopes of their own.
  private var scopes: [[String: TemplateValue]]
  /// Contents of the namespaces that the template has made.
  var namespaces: [[(key: TemplateText, value: TemplateValue)]] = []
  private var output = TemplateText("")
  private var work = 0
  let workLimit: Int
  /// Steps allowed whatever the conversation, and for each byte of it. Published templates take a few hundred steps a
  /// message and look at each byte a few times.
  private static let baseWork = 5_000_000
  private static let workPerByte = 64
  /// How deep lists and mappings in variables may nest.
  private static let nestingLimit = 32

  private enum Flow { case next, breakLoop, continueLoop }

  /// Renders `nodes` with these variables.
  /// - Parameter inputBytes: size of the conversation; more of it may cost more.
  static func render(_ nodes: [TemplateNode], variables: [String: TemplateValue], inputBytes: Int)
    throws(TemplateProblem) -> TemplateText
  {
    var interpreter = TemplateInterpreter(
      scopes: [variables], workLimit: baseWork + min(inputBytes, 1 << 32) * workPerByte)
    _ = try interpreter.run(nodes)
    return interpreter.output
  }

  private init(scopes: [[String: TemplateValue]], workLimit: Int) {
    self.scopes = scopes
    self.workLimit = workLimit
  }

  /// Books work.
  mutating func spend(_ amount: Int, at position: TemplatePosition) throws(TemplateProblem) {
    work += amount
    guard work <= workLimit else {
      throw TemplateProblem(position: position, problem: "the template does more work than is allowed")
    }
  }

  func variable(_ name: String) -> TemplateValue {
    for scope in scopes.reversed() { if let value = scope[name] { return value } }
    return .undefined
  }

  private mutating func define(_ name: String, _ value: TemplateValue) { scopes[scopes.count - 1][name] = value }

  /// Books the whole size of a value that a variable is to hold. So values cannot grow faster than they are paid for,
  /// and cannot nest so deep that releasing them needs a deep stack.
  mutating func measure(_ value: TemplateValue, nesting: Int = 0, at position: TemplatePosition)
    throws(TemplateProblem)
  {
    try spend(1, at: position)
    guard nesting <= Self.nestingLimit else {
      throw TemplateProblem(position: position, problem: "lists nested deeper than \(Self.nestingLimit)")
    }
    switch value {
    case .list(let elements):
      for element in elements { try measure(element, nesting: nesting + 1, at: position) }
    case .map(let members):
      for member in members { try measure(member.value, nesting: nesting + 1, at: position) }
    default: break
    }
  }

  private mutating func run(_ nodes: [TemplateNode]) throws(TemplateProblem) -> Flow {
    for node in nodes {
      let flow = try run(node)
      if flow != .next { return flow }
    }
    return .next
  }

  private mutating func run(_ node: TemplateNode) throws(TemplateProblem) -> Flow {
    switch node {
    case .text(let text): try write(text, at: 0)
    case .output(let expression):
      let value = try value(of: expression)
      guard let text = value.printed else {
        throw TemplateProblem(position: expression.position, problem: "\(value.kind) cannot be written out")
      }
      try write(text, at: expression.position)
    case .branch(let cases, let otherwise):
      for (condition, body) in cases where try value(of: condition).isTrue { return try run(body) }
      return try run(otherwise)
    case .loop(let names, let sequence, let condition, let body, let otherwise):
      return try loop(names, over: sequence, where: condition, body: body, otherwise: otherwise)
    case .set(let name, let expression):
      let value = try value(of: expression)
      try measure(value, at: expression.position)
      define(name, value)
    case .setAttribute(let name, let attribute, let expression):
      try setAttribute(of: name, attribute, to: expression)
    case .capture(let name, let body): return try capture(name, body)
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .next
  }

  private mutating func write(_ text: TemplateText, at position: TemplatePosition) throws(TemplateProblem) {
    try spend(1 + text.count, at: position)
    output.append(text)
  }

  private mutating func capture(_ name: String, _ body: [TemplateNode]) throws(TemplateProblem) -> Flow {
    let outer = output
    output = TemplateText("")
    scopes.append([:])
    let flow = try run(body)
    scopes.removeLast()
    define(name, .text(output))
    output = outer
    return flow
  }

  private mutating func setAttribute(of name: String, _ attribute: String, to expression: TemplateExpression)
    throws(TemplateProblem)
  {
    guard case .namespace(let index) = variable(name) else {
      throw TemplateProblem(position: expression.position, problem: "\(name) is not a namespace")
    }
    let value = try value(of: expression)
    try measure(value, at: expression.position)
    try spend(namespaces[index].count, at: expression.position)
    let key = TemplateText(attribute)
    if let at = namespaces[index].firstIndex(where: { $0.key == key }) {
      namespaces[index][at].value = value
    } else {
      namespaces[index].append((key, value))
    }
  }

  /// Each turn has a scope of its own: what is set in it is gone in the next.
  private mutating func loop(
    _ names: [String], over sequence: TemplateExpression, where condition: TemplateExpression?, body: [TemplateNode],
    otherwise: [TemplateNode]
  ) throws(TemplateProblem) -> Flow {
    var elements = try elements(of: try value(of: sequence), at: sequence.position)
    if let condition {
      var kept: [TemplateValue] = []
      for element in elements {
        scopes.append(try bind(names, to: element, at: sequence.position))
        if try value(of: condition).isTrue { kept.append(element) }
        scopes.removeLast()
      }
      elements = kept
    }
    if elements.isEmpty { return try run(otherwise) }
    for index in elements.indices {
      try spend(8, at: sequence.position)
      var scope = try bind(names, to: elements[index], at: sequence.position)
      scope["loop"] = Self.loopState(index, of: elements)
      scopes.append(scope)
      let flow = try run(body)
      scopes.removeLast()
      if flow == .breakLoop { break }
    }
    return .next
  }

  private func bind(_ names: [String], to element: TemplateValue, at position: TemplatePosition)
    throws(TemplateProblem) -> [String: TemplateValue]
  {
    if names.count == 1 { return [names[0]: element] }
    guard case .list(let parts) = element, parts.count == names.count else {
      throw TemplateProblem(position: position, problem: "\(element.kind) does not give \(names.count) loop variables")
    }
    return Dictionary(zip(names, parts)) { $1 }
  }

  private static func loopState(_ index: Int, of elements: [TemplateValue]) -> TemplateValue {
    let count = elements.count
    let state: [(LoopAttribute, TemplateValue)] = [
      (.index, .integer(index + 1)), (.index0, .integer(index)), (.revindex, .integer(count - index)),
      (.revindex0, .integer(count - index - 1)), (.first, .bool(index == 0)), (.last, .bool(index == count - 1)),
      (.length, .integer(count)), (.previtem, index == 0 ? .undefined : elements[index - 1]),
      (.nextitem, index == count - 1 ? .undefined : elements[index + 1]),
    ]
    return .map(state.map { (TemplateText($0.0.rawValue), $0.1) })
  }

  /// What a loop goes through: elements, characters, or keys.
  mutating func elements(of value: TemplateValue, at position: TemplatePosition) throws(TemplateProblem)
    -> [TemplateValue]
  {
    switch value {
    case .list(let elements):
      try spend(elements.count, at: position)
      return elements
    case .map(let members):
      try spend(members.count, at: position)
      return members.map { .text($0.key) }
    case .text(let text):
      try spend(text.count, at: position)
      let offsets = text.scalarOffsets
      return zip(offsets, offsets.dropFirst()).map { .text(text[$0..<$1]) }
    case .undefined: return []
    default: throw TemplateProblem(position: position, problem: "\(value.kind) cannot be looped over")
    }
  }
}
