// What templates can call: filters, tests, functions and methods.

extension TemplateInterpreter {
  /// The values of a call's arguments, by the names of its parameters; missing ones are nil.
  private mutating func bind(
    _ arguments: TemplateArguments, _ names: String..., at expression: TemplateExpression
  ) throws(TemplateProblem) -> [TemplateValue?] {
    guard arguments.positional.count <= names.count else { throw fail("too many arguments", at: expression) }
    var values = [TemplateValue?](repeating: nil, count: names.count)
    for (index, argument) in arguments.positional.enumerated() { values[index] = try value(of: argument) }
    for (name, argument) in arguments.named {
      guard let index = names.firstIndex(of: name), values[index] == nil else {
        throw fail("the argument \(name) is not supported", at: expression)
      }
      values[index] = try value(of: argument)
    }
    return values
  }

  private func text(_ value: TemplateValue?, _ what: String, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateText
  {
    guard case .text(let text)? = value else {
      throw fail("\(what) is \(value?.kind ?? "missing"), not a string", at: expression)
    }
    return text
  }

  private func optionalText(_ value: TemplateValue?, _ what: String, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateText?
  {
    guard let value else { return nil }
    if case .none = value { return nil }
    return try text(value, what, at: expression)
  }

  // MARK: Filters

  mutating func apply(
    _ filter: TemplateFilter, to input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    try spend(cost(input), at: expression.position)
    switch filter {
    case .safe:
      return input
    case .trim:
      let set = try optionalText(try bind(arguments, "chars", at: expression)[0], "chars", at: expression)
      return .text(try printed(input, at: expression).stripped(left: true, right: true, set: set))
    case .upper: return .text(try printed(input, at: expression).transformed { $0.uppercased() })
    case .lower: return .text(try printed(input, at: expression).transformed { $0.lowercased() })
    case .capitalize: return .text(try printed(input, at: expression).transformed(Self.capitalized))
    case .string: return .text(try printed(input, at: expression))
    case .tojson: return try json(input, arguments, at: expression)
    case .length, .count: return .integer(try length(input, at: expression))
    case .default, .d: return try orDefault(input, arguments, at: expression)
    case .replace: return try replace(try printed(input, at: expression), arguments, at: expression)
    case .int: return try integer(input, arguments, at: expression)
    case .list: return .list(try elements(of: input, at: expression.position))
    case .first: return try elements(of: input, at: expression.position).first ?? .undefined
    case .last: return try elements(of: input, at: expression.position).last ?? .undefined
    case .reverse: return .list(try elements(of: input, at: expression.position).reversed())
    case .join: return try join(input, arguments, at: expression)
    case .items: return try items(input, at: expression)
    case .map: return try mapped(input, arguments, at: expression)
    case .selectattr: return try selected(input, arguments, keeps: true, at: expression)
    case .rejectattr: return try selected(input, arguments, keeps: false, at: expression)
    }
  }

  private func printed(_ value: TemplateValue, at expression: TemplateExpression) throws(TemplateProblem)
    -> TemplateText
  {
    guard let text = value.printed else { throw fail("\(value.kind) as a string", at: expression) }
    return text
  }

  static func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst().lowercased() }

  private mutating func json(_ input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    guard arguments.all.isEmpty else { throw fail("arguments of tojson are not supported", at: expression) }
    guard let text = input.json else { throw fail("\(input.kind) as JSON", at: expression) }
    try spend(text.count, at: expression.position)
    return .text(text)
  }

  private func length(_ input: TemplateValue, at expression: TemplateExpression) throws(TemplateProblem) -> Int {
    switch input {
    case .text(let text): text.scalarOffsets.count - 1
    case .list(let elements): elements.count
    case .map(let members): members.count
    case .undefined: 0
    default: throw fail("the length of \(input.kind)", at: expression)
    }
  }

  private mutating func orDefault(
    _ input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    let values = try bind(arguments, "default_value", "boolean", at: expression)
    if case .undefined = input { return values[0] ?? .text("") }
    return values[1]?.isTrue == true && !input.isTrue ? values[0] ?? .text("") : input
  }

  private mutating func replace(
    _ input: TemplateText, _ arguments: TemplateArguments, at expression: TemplateExpression
  )
    throws(TemplateProblem) -> TemplateValue
  {
    let values = try bind(arguments, "old", "new", at: expression)
    let old = try text(values[0], "what is replaced", at: expression)
    let new = try text(values[1], "the replacement", at: expression)
    guard old.count > 0 else { throw fail("the replacement of an empty string", at: expression) }
    try spend(input.count / old.count * new.count, at: expression.position)
    return .text(input.replacing(old, with: new))
  }

  private mutating func integer(
    _ input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression
  )
    throws(TemplateProblem) -> TemplateValue
  {
    let fallback = try bind(arguments, "default", at: expression)[0] ?? .integer(0)
    switch input {
    case .text(let text):
      return Int(text.stripped(left: true, right: true, set: nil).string).map(TemplateValue.integer) ?? fallback
    case .number(let number): return Int(exactly: number.rounded(.towardZero)).map(TemplateValue.integer) ?? fallback
    default: return input.asInteger.map(TemplateValue.integer) ?? fallback
    }
  }

  private mutating func join(_ input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    let values = try bind(arguments, "d", at: expression)
    let separator = try optionalText(values[0], "the separator", at: expression) ?? TemplateText("")
    var result = TemplateText("")
    for (index, element) in try elements(of: input, at: expression.position).enumerated() {
      if index > 0 { result.append(separator) }
      let part = try printed(element, at: expression)
      try spend(part.count + separator.count, at: expression.position)
      result.append(part)
    }
    return .text(result)
  }

  private func items(_ input: TemplateValue, at expression: TemplateExpression) throws(TemplateProblem)
    -> TemplateValue
  {
    guard case .map(let members) = input else { throw fail("the items of \(input.kind)", at: expression) }
    return .list(members.map { .list([.text($0.key), $0.value]) })
  }

  private mutating func mapped(
    _ input: TemplateValue, _ arguments: TemplateArguments, at expression: TemplateExpression
  )
    throws(TemplateProblem) -> TemplateValue
  {
    guard arguments.positional.isEmpty, arguments.named.count == 1, arguments.named[0].name == "attribute" else {
      throw fail("map is only supported with attribute=", at: expression)
    }
    let name = try text(try value(of: arguments.named[0].value), "attribute", at: expression)
    return .list(try elements(of: input, at: expression.position).map { $0.member(name) ?? .undefined })
  }

  private mutating func selected(
    _ input: TemplateValue, _ arguments: TemplateArguments, keeps: Bool, at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    let values = try bind(arguments, "attribute", "test", "value", at: expression)
    let name = try text(values[0], "the attribute", at: expression)
    let testName = try optionalText(values[1], "the test", at: expression)?.string
    let test = testName == "==" ? TemplateTest.eq : testName.flatMap(TemplateTest.init(rawValue:))
    if let testName, test == nil { throw fail("the test \(testName) is not supported", at: expression) }
    var kept: [TemplateValue] = []
    for element in try elements(of: input, at: expression.position) {
      let value = element.member(name) ?? .undefined
      try spend(cost(value), at: expression.position)
      let isSelected = try test.map { (test) throws(TemplateProblem) in
        try holds(test, value, [values[2]].compactMap(\.self), at: expression)
      }
      if isSelected ?? value.isTrue == keeps { kept.append(element) }
    }
    return .list(kept)
  }

  // MARK: Tests

  func holds(
    _ test: TemplateTest, _ input: TemplateValue, _ arguments: [TemplateValue], at expression: TemplateExpression
  ) throws(TemplateProblem) -> Bool {
    switch (test, input) {
    case (.defined, .undefined): return false
    case (.defined, _): return true
    case (.undefined, .undefined), (.none, .none), (.string, .text), (.boolean, .bool), (.integer, .integer),
      (.float, .number), (.number, .integer), (.number, .number), (.number, .bool), (.mapping, .map),
      (.iterable, .list), (.iterable, .map), (.iterable, .text), (.iterable, .undefined), (.sequence, .list),
      (.sequence, .map), (.sequence, .text), (.sequence, .undefined):
      return true
    case (.true, .bool(let value)): return value
    case (.false, .bool(let value)): return !value
    case (.odd, _), (.even, _):
      guard let integer = input.asInteger else { throw fail("\(input.kind) is neither odd nor even", at: expression) }
      return integer.isMultiple(of: 2) == (test == .even)
    default: break
    }
    guard test.takesArgument else { return false }
    guard let other = arguments.first else { throw fail("the test compares with a value", at: expression) }
    switch test {
    case .eq, .equalto: return input.equals(other)
    case .ne: return !input.equals(other)
    case .in: return try contains(other, input, at: expression)
    default:
      guard let a = input.asInteger, let b = other.asInteger, b != 0 else {
        throw fail("\(input.kind) divided by \(other.kind)", at: expression)
      }
      return a.isMultiple(of: b)
    }
  }

  // MARK: Functions

  mutating func call(_ function: TemplateFunction, _ arguments: TemplateArguments, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    switch function {
    case .namespace:
      guard arguments.positional.isEmpty else { throw fail("namespace takes named arguments", at: expression) }
      var members: [(key: TemplateText, value: TemplateValue)] = []
      for (name, argument) in arguments.named {
        let value = try value(of: argument)
        try measure(value, at: argument.position)
        members.append((TemplateText(name), value))
      }
      namespaces.append(members)
      return .namespace(namespaces.count - 1)
    case .range: return try range(arguments, at: expression)
    case .raiseException:
      let message = try bind(arguments, "message", at: expression)[0] ?? .text("")
      var problem = fail(message.printed?.string ?? message.kind, at: expression)
      problem.isRefusal = true
      throw problem
    }
  }

  private mutating func range(_ arguments: TemplateArguments, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    var bounds: [Int] = []
    for value in try bind(arguments, "start", "stop", "step", at: expression) {
      guard let value else { break }
      guard let integer = value.asInteger else { throw fail("\(value.kind) as a bound", at: expression) }
      bounds.append(integer)
    }
    guard !bounds.isEmpty else { throw fail("range needs a bound", at: expression) }
    let step = bounds.count == 3 ? bounds[2] : 1
    let (from, to) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
    guard step != 0 else { throw fail("a step of 0", at: expression) }
    let distance = Double(to) - Double(from)
    let count = (distance / Double(step)).rounded(.up)
    try spend(count > 0 ? Int(min(count, Double(workLimit) * 2)) : 0, at: expression.position)
    return .list(stride(from: from, to: to, by: step).map(TemplateValue.integer))
  }

  // MARK: Methods

  mutating func call(
    _ method: TemplateMethod, on input: TemplateValue, _ arguments: TemplateArguments,
    at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    try spend(cost(input), at: expression.position)
    switch method {
    case .items: return try items(input, at: expression)
    case .keys, .values:
      guard case .map(let members) = input else {
        throw fail("the \(method.rawValue) of \(input.kind)", at: expression)
      }
      return .list(members.map { method == .keys ? .text($0.key) : $0.value })
    case .get:
      let values = try bind(arguments, "key", "default", at: expression)
      return input.member(try text(values[0], "the key", at: expression)) ?? values[1] ?? .none
    default: break
    }
    guard case .text(let string) = input else { throw fail(".\(method.rawValue)() of \(input.kind)", at: expression) }
    switch method {
    case .startswith, .endswith:
      let other = try text(try bind(arguments, "prefix", at: expression)[0], "what is looked for", at: expression)
      return .bool(method == .startswith ? string.starts(with: other) : string.ends(with: other))
    case .strip, .lstrip, .rstrip:
      let set = try optionalText(try bind(arguments, "chars", at: expression)[0], "what is stripped", at: expression)
      return .text(string.stripped(left: method != .rstrip, right: method != .lstrip, set: set))
    case .split: return try split(string, arguments, at: expression)
    case .replace: return try replace(string, arguments, at: expression)
    case .upper: return .text(string.transformed { $0.uppercased() })
    case .lower: return .text(string.transformed { $0.lowercased() })
    default: return .text(string.transformed(Self.capitalized))
    }
  }

  private mutating func split(_ string: TemplateText, _ arguments: TemplateArguments, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    let values = try bind(arguments, "sep", "maxsplit", at: expression)
    let limit = values[1]?.asInteger ?? -1
    guard let separator = try optionalText(values[0], "the separator", at: expression) else {
      guard limit < 0 else { throw fail("split() with a limit needs a separator", at: expression) }
      return .list(string.splitAtWhiteSpace().map(TemplateValue.text))
    }
    guard separator.count > 0 else { throw fail("an empty separator", at: expression) }
    return .list(string.split(separator, limit: limit < 0 ? .max : limit).map(TemplateValue.text))
  }
}
