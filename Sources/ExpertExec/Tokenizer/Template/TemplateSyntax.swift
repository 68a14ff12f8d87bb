// The template language as a tree: the part of Jinja that published chat templates are written in.

/// Where something stands in a template, as a byte offset.
typealias TemplatePosition = Int

/// A statement or a stretch of text.
indirect enum TemplateNode: Sendable {
  case text(TemplateText)
  case output(TemplateExpression)
  /// Conditions in order with their bodies, and what is done when none holds.
  case branch([(condition: TemplateExpression, body: [TemplateNode])], otherwise: [TemplateNode])
  /// `{% for names in sequence if condition %}`; `otherwise` is done when nothing was looped over.
  case loop(
    names: [String], sequence: TemplateExpression, condition: TemplateExpression?, body: [TemplateNode],
    otherwise: [TemplateNode])
  case set(name: String, TemplateExpression)
  /// `{% set namespace.attribute = … %}`.
  case setAttribute(of: String, attribute: String, TemplateExpression)
  /// `{% set name %}…{% endset %}`.
  case capture(name: String, body: [TemplateNode])
  case breakLoop
  case continueLoop
}

/// An expression and where it begins.
struct TemplateExpression: Sendable {
  let position: TemplatePosition
  let kind: Kind
  /// Levels of the tree below and including this.
  let height: Int

  init(position: TemplatePosition, kind: Kind) {
    self.position = position
    self.kind = kind
    self.height = 1 + (kind.parts.map(\.height).max() ?? 0)
  }

  indirect enum Kind: Sendable {
    case literal(TemplateValue)
    case name(String)
    case list([TemplateExpression])
    case map([(key: TemplateExpression, value: TemplateExpression)])
    case attribute(TemplateExpression, String)
    case item(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, from: TemplateExpression?, to: TemplateExpression?, step: TemplateExpression?)
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case arithmetic(Arithmetic, TemplateExpression, TemplateExpression)
    /// `a < b <= c`: each neighbouring pair must hold.
    case comparison(TemplateExpression, [(Comparison, TemplateExpression)])
    /// `value if condition else otherwise`; undefined without the else.
    case choice(condition: TemplateExpression, TemplateExpression, otherwise: TemplateExpression?)
    case filter(TemplateFilter, TemplateExpression, TemplateArguments)
    case test(TemplateTest, TemplateExpression, [TemplateExpression])
    case function(TemplateFunction, TemplateArguments)
    case method(TemplateMethod, TemplateExpression, TemplateArguments)

    /// The expressions that this one is made of.
    var parts: [TemplateExpression] {
      switch self {
      case .literal, .name: []
      case .list(let elements): elements
      case .map(let members): members.flatMap { [$0.key, $0.value] }
      case .attribute(let value, _), .not(let value), .negative(let value): [value]
      case .item(let value, let index): [value, index]
      case .slice(let value, let from, let to, let step): [value] + [from, to, step].compactMap(\.self)
      case .and(let a, let b), .or(let a, let b), .arithmetic(_, let a, let b): [a, b]
      case .comparison(let first, let rest): [first] + rest.map(\.1)
      case .choice(let condition, let value, let otherwise): [condition, value] + [otherwise].compactMap(\.self)
      case .filter(_, let value, let arguments), .method(_, let value, let arguments): [value] + arguments.all
      case .test(_, let value, let arguments): [value] + arguments
      case .function(_, let arguments): arguments.all
      }
    }
  }

  enum Arithmetic: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case divideDown = "//"
    case modulo = "%"
    case concatenate = "~"
  }

  enum Comparison: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
  }
}

/// Arguments of a call.
struct TemplateArguments: Sendable {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
  static let none = TemplateArguments()
  var all: [TemplateExpression] { positional + named.map(\.value) }
}

/// What can be called by name.
enum TemplateFunction: String, Sendable, CaseIterable {
  case namespace, range
  case raiseException = "raise_exception"
}

/// What can be called on a value.
enum TemplateMethod: String, Sendable, CaseIterable {
  case startswith, endswith, strip, lstrip, rstrip, split, replace, upper, lower, capitalize, items, keys, values, get
}

/// What can stand behind `|`.
enum TemplateFilter: String, Sendable, CaseIterable {
  case trim, length, count, tojson, upper, lower, capitalize, `default`, d, join, first, last, replace, list, string,
    int
  case reverse, safe, items, selectattr, rejectattr, map
}

/// What can stand behind `is`.
enum TemplateTest: String, Sendable, CaseIterable {
  case defined, undefined, none, string, number, integer, float, boolean, mapping, iterable, sequence, odd, even
  case divisibleby, equalto, eq, ne, `true`, `false`, `in`

  /// Whether it compares with an argument.
  var takesArgument: Bool {
    switch self {
    case .divisibleby, .equalto, .eq, .ne, .in: true
    default: false
    }
  }
}

/// Attributes of the variable `loop`.
enum LoopAttribute: String, Sendable, CaseIterable {
  case index, index0, revindex, revindex0, first, last, length, previtem, nextitem
}
