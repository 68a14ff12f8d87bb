// The value of an expression.

extension TemplateInterpreter {
  func fail(_ problem: String, at expression: TemplateExpression) -> TemplateProblem {
    TemplateProblem(position: expression.position, problem: problem)
  }

  mutating func value(of expression: TemplateExpression) throws(TemplateProblem) -> TemplateValue {
    try spend(1, at: expression.position)
    switch expression.kind {
    case .literal(let value): return value
    case .name(let name): return variable(name)
    case .list(let elements): return .list(try values(of: elements))
    case .map(let members): return try map(members)
    case .attribute(let base, let name): return try member(TemplateText(name), of: try value(of: base), at: expression)
    case .item(let base, let index):
      return try item(try value(of: index), of: try value(of: base), at: expression)
    case .slice(let base, let from, let to, let step):
      return try slice(base, from: from, to: to, step: step, at: expression)
    case .not(let base): return .bool(!(try value(of: base).isTrue))
    case .negative(let base): return try negative(try value(of: base), at: expression)
    case .and(let left, let right):
      let first = try value(of: left)
      return first.isTrue ? try value(of: right) : first
    case .or(let left, let right):
      let first = try value(of: left)
      return first.isTrue ? first : try value(of: right)
    case .arithmetic(let operation, let left, let right):
      let (first, second) = (try value(of: left), try value(of: right))
      try spend(cost(first) + cost(second), at: expression.position)
      return try arithmetic(operation, first, second, at: expression)
    case .comparison(let first, let rest): return try comparison(first, rest)
    case .choice(let condition, let chosen, let otherwise):
      if try value(of: condition).isTrue { return try value(of: chosen) }
      return try otherwise.map { (other) throws(TemplateProblem) in try value(of: other) } ?? .undefined
    case .filter(let filter, let base, let arguments):
      return try apply(filter, to: try value(of: base), arguments, at: expression)
    case .test(let test, let base, let arguments):
      return .bool(try holds(test, try value(of: base), try values(of: arguments), at: expression))
    case .function(let function, let arguments): return try call(function, arguments, at: expression)
    case .method(let method, let base, let arguments):
      return try call(method, on: try value(of: base), arguments, at: expression)
    }
  }

  mutating func values(of expressions: [TemplateExpression]) throws(TemplateProblem) -> [TemplateValue] {
    var values: [TemplateValue] = []
    for expression in expressions { values.append(try value(of: expression)) }
    return values
  }

  private mutating func map(_ members: [(key: TemplateExpression, value: TemplateExpression)])
    throws(TemplateProblem) -> TemplateValue
  {
    var result: [(key: TemplateText, value: TemplateValue)] = []
    for member in members {
      guard case .text(let key) = try value(of: member.key) else { throw fail("keys are strings", at: member.key) }
      let value = try value(of: member.value)
      try spend(result.count, at: member.key.position)
      if let at = result.firstIndex(where: { $0.key == key }) {
        result[at].value = value
      } else {
        result.append((key, value))
      }
    }
    return .map(result)
  }

  private mutating func member(_ name: TemplateText, of base: TemplateValue, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    switch base {
    case .map(let members):
      try spend(members.count, at: expression.position)
      return base.member(name) ?? .undefined
    case .namespace(let index):
      try spend(namespaces[index].count, at: expression.position)
      return namespaces[index].first { $0.key == name }?.value ?? .undefined
    case .undefined: throw fail("'\(name.string)' of an undefined value", at: expression)
    default: return .undefined
    }
  }

  private mutating func item(_ index: TemplateValue, of base: TemplateValue, at expression: TemplateExpression)
    throws(TemplateProblem) -> TemplateValue
  {
    switch (base, index) {
    case (.list(let elements), _):
      guard let index = index.asInteger else { throw fail("\(index.kind) as an index", at: expression) }
      let at = index < 0 ? index &+ elements.count : index
      return elements.indices.contains(at) ? elements[at] : .undefined
    case (.text(let text), _):
      guard let index = index.asInteger else { throw fail("\(index.kind) as an index", at: expression) }
      try spend(text.count, at: expression.position)
      let offsets = text.scalarOffsets
      let at = index < 0 ? index &+ (offsets.count - 1) : index
      return (0..<offsets.count - 1).contains(at) ? .text(text[offsets[at]..<offsets[at + 1]]) : .undefined
    case (.map, .text(let key)), (.namespace, .text(let key)), (.undefined, .text(let key)):
      return try member(key, of: base, at: expression)
    case (.undefined, _): throw fail("an index into an undefined value", at: expression)
    default: return .undefined
    }
  }

  private mutating func bound(_ expression: TemplateExpression?) throws(TemplateProblem) -> Int? {
    guard let expression else { return nil }
    let bound = try value(of: expression)
    if case .none = bound { return nil }
    guard let integer = bound.asInteger else { throw fail("\(bound.kind) as a bound", at: expression) }
    return integer
  }

  private mutating func slice(
    _ base: TemplateExpression, from: TemplateExpression?, to: TemplateExpression?, step: TemplateExpression?,
    at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    let whole = try value(of: base)
    let (from, to, step) = (try bound(from), try bound(to), try bound(step) ?? 1)
    guard step != 0, step != .min else { throw fail("a step of 0", at: expression) }
    switch whole {
    case .list(let elements):
      try spend(elements.count, at: expression.position)
      return .list(Self.indices(elements.count, from, to, step).map { elements[$0] })
    case .text(let text):
      try spend(text.count, at: expression.position)
      let offsets = text.scalarOffsets
      var result = TemplateText("")
      for at in Self.indices(offsets.count - 1, from, to, step) { result.append(text[offsets[at]..<offsets[at + 1]]) }
      return .text(result)
    default: throw fail("a part of \(whole.kind)", at: expression)
    }
  }

  /// The indices of Python's `[from:to:step]`.
  static func indices(_ count: Int, _ from: Int?, _ to: Int?, _ step: Int) -> StrideTo<Int> {
    func clamped(_ index: Int, _ range: ClosedRange<Int>) -> Int {
      min(max(index < 0 ? index &+ count : index, range.lowerBound), range.upperBound)
    }
    if step > 0 {
      return stride(
        from: clamped(from ?? 0, 0...count), to: clamped(to ?? count, 0...count), by: min(step, count + 1))
    }
    let last = count - 1
    let first = from.map { clamped($0, -1...max(last, -1)) } ?? last
    let end = to.map { clamped($0, -1...max(last, -1)) } ?? -1
    return stride(from: first, to: end, by: max(step, -count - 1))
  }

  private func negative(_ value: TemplateValue, at expression: TemplateExpression) throws(TemplateProblem)
    -> TemplateValue
  {
    if let integer = value.asInteger {
      let (result, overflow) = (0).subtractingReportingOverflow(integer)
      guard !overflow else { throw fail("a number out of range", at: expression) }
      return .integer(result)
    }
    if case .number(let number) = value { return .number(-number) }
    throw fail("minus \(value.kind)", at: expression)
  }

  private mutating func comparison(
    _ first: TemplateExpression, _ rest: [(TemplateExpression.Comparison, TemplateExpression)]
  ) throws(TemplateProblem) -> TemplateValue {
    var left = try value(of: first)
    for (comparison, expression) in rest {
      let right = try value(of: expression)
      guard try holds(comparison, left, right, at: expression) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  private mutating func holds(
    _ comparison: TemplateExpression.Comparison, _ left: TemplateValue, _ right: TemplateValue,
    at expression: TemplateExpression
  ) throws(TemplateProblem) -> Bool {
    try spend(cost(left) + cost(right), at: expression.position)
    func isLess(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateProblem) -> Bool {
      guard let result = a.isLess(than: b) else { throw fail("\(a.kind) and \(b.kind) have no order", at: expression) }
      return result
    }
    switch comparison {
    case .equal: return left.equals(right)
    case .notEqual: return !left.equals(right)
    case .less: return try isLess(left, right)
    case .greater: return try isLess(right, left)
    case .lessOrEqual: return !(try isLess(right, left))
    case .greaterOrEqual: return !(try isLess(left, right))
    case .isIn: return try contains(right, left, at: expression)
    case .isNotIn: return !(try contains(right, left, at: expression))
    }
  }

  /// What it costs to look through a value.
  func cost(_ value: TemplateValue) -> Int {
    switch value {
    case .text(let text): text.count
    case .list(let elements): elements.count
    case .map(let members): members.count
    default: 1
    }
  }

  func contains(_ whole: TemplateValue, _ part: TemplateValue, at expression: TemplateExpression)
    throws(TemplateProblem) -> Bool
  {
    switch (whole, part) {
    case (.text(let whole), .text(let part)): return whole.contains(part)
    case (.list(let elements), _): return elements.contains { $0.equals(part) }
    case (.map, .text(let key)): return whole.member(key) != nil
    case (.map, _), (.undefined, _): return false
    default: throw fail("\(part.kind) in \(whole.kind)", at: expression)
    }
  }

  func arithmetic(
    _ operation: TemplateExpression.Arithmetic, _ left: TemplateValue, _ right: TemplateValue,
    at expression: TemplateExpression
  ) throws(TemplateProblem) -> TemplateValue {
    switch (operation, left, right) {
    case (.concatenate, _, _):
      guard var text = left.printed, let more = right.printed else {
        throw fail("\(left.kind) ~ \(right.kind)", at: expression)
      }
      text.append(more)
      return .text(text)
    case (.add, .text(var text), .text(let more)):
      text.append(more)
      return .text(text)
    case (.add, .list(let elements), .list(let more)): return .list(elements + more)
    default: break
    }
    if operation != .divide, let a = left.asInteger, let b = right.asInteger {
      return .integer(try whole(operation, a, b, at: expression))
    }
    guard let a = left.asNumber, let b = right.asNumber else {
      throw fail("\(left.kind) \(operation.rawValue) \(right.kind)", at: expression)
    }
    switch operation {
    case .add: return .number(a + b)
    case .subtract: return .number(a - b)
    case .multiply: return .number(a * b)
    default: break
    }
    guard b != 0 else { throw fail("division by zero", at: expression) }
    switch operation {
    case .divide: return .number(a / b)
    case .divideDown: return .number((a / b).rounded(.down))
    default: return .number(a - b * (a / b).rounded(.down))
    }
  }

  /// Integers, rounding down as Python does.
  private func whole(_ operation: TemplateExpression.Arithmetic, _ a: Int, _ b: Int, at expression: TemplateExpression)
    throws(TemplateProblem) -> Int
  {
    let (result, overflow): (Int, Bool)
    switch operation {
    case .add: (result, overflow) = a.addingReportingOverflow(b)
    case .subtract: (result, overflow) = a.subtractingReportingOverflow(b)
    case .multiply: (result, overflow) = a.multipliedReportingOverflow(by: b)
    default:
      guard b != 0 else { throw fail("division by zero", at: expression) }
      let (quotient, tooLarge) = a.dividedReportingOverflow(by: b)
      let (remainder, _) = a.remainderReportingOverflow(dividingBy: b)
      let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
      result = operation == .modulo ? (isBelow ? remainder + b : remainder) : (isBelow ? quotient - 1 : quotient)
      overflow = tooLarge
    }
    guard !overflow else { throw fail("a number out of range", at: expression) }
    return result
  }
}
