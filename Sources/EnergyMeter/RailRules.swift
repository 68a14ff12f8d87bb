// What the user knows better than the kernel: pairs of channels, wrong shunts, limits, and which rail lies in which.

import SiftCore

/// Corrections of what is found, by the ids that `siftctl rails` shows.
public struct RailRules: Sendable, Hashable {
  /// Which voltage belongs to which current on one kind of chip.
  public struct Pair: Sendable, Hashable {
    /// The text of the chip's `name`.
    public var chip: String
    /// N of `currN_input`.
    public var current: Int
    /// N of `inN_input`.
    public var voltage: Int

    public init(chip: String, current: Int, voltage: Int) {
      self.chip = chip
      self.current = current
      self.voltage = voltage
    }

    /// From `CHIP currN inM`; nil when it is not that.
    public init?(_ text: String) {
      let words = text.split(separator: " ")
      guard words.count == 3, words[1].hasPrefix("curr"), words[2].hasPrefix("in"),
        let current = Int(words[1].dropFirst(4)), let voltage = Int(words[2].dropFirst(2)), current >= 0, voltage >= 0
      else { return nil }
      self.init(chip: String(words[0]), current: current, voltage: voltage)
    }
  }

  public var pairs: [Pair]
  /// Factor that a rail's figures are multiplied with, > 0.
  public var scales: [String: Double]
  /// Power beyond which a rail is not believed, in watts, > 0.
  public var limits: [String: Double]
  /// The rail that contains another; empty: none does.
  public var parents: [String: String]
  public var kinds: [String: RailKind]

  public init(
    pairs: [Pair] = [], scales: [String: Double] = [:], limits: [String: Double] = [:],
    parents: [String: String] = [:], kinds: [String: RailKind] = [:]
  ) {
    self.pairs = pairs
    self.scales = scales
    self.limits = limits
    self.parents = parents
    self.kinds = kinds
  }

  /// Splits `RAIL=VALUE` at the last equals sign, because labels may hold one. nil without one, or without a rail.
  public static func split(_ text: String) -> (rail: String, value: String)? {
    guard let equals = text.lastIndex(of: "=") else { return nil }
    let trim = { (part: Substring) in
      String(part.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
    let rail = trim(text[..<equals])
    return rail.isEmpty ? nil : (rail, trim(text[text.index(after: equals)...]))
  }

  /// A factor or a limit: a finite number above 0.
  public static func positive(_ text: String) -> Double? {
    guard let number = Double(text), number.isFinite, number > 0 else { return nil }
    return number
  }

  /// Lays the rules over `rails`, before anything is read.
  func apply(to rails: inout [Rail]) {
    for at in rails.indices {
      let id = rails[at].id
      if let scale = scales[id] {
        rails[at].scale = scale
        // Whoever gives a factor knows that the shunt is wrong.
        if rails[at].problem == .implausible { (rails[at].problem, rails[at].detail) = (nil, nil) }
        rails[at].resolution = rails[at].resolution.map { $0 * scale }
        rails[at].offsetWatts *= scale
      }
      rails[at].limitWatts = limits[id]
      if let kind = kinds[id] { rails[at].kind = kind }
      if let parent = parents[id] { rails[at].parent = parent.isEmpty ? nil : parent }
    }
  }
}

/// A rule or a choice of rails that does not fit this machine.
public struct RailRuleProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// What the rule is about: `rails`, `scale`, `limit`, `parent` or `kind`.
  public let rule: String
  /// One line.
  public let message: String
  public var description: String { "\(rule): \(message)" }
}

extension RailCatalog {
  /// What is wrong with `rules` and with `totals` as the rails of the sum, on this machine; empty when nothing is.
  public func problems(_ rules: RailRules, totals: [String]?) -> [RailRuleProblem] {
    var problems: [RailRuleProblem] = []
    let named: [(String, [String])] = [
      ("rails", totals ?? []), ("scale", rules.scales.keys.sorted()), ("limit", rules.limits.keys.sorted()),
      ("parent", rules.parents.keys.sorted() + rules.parents.values.filter { !$0.isEmpty }.sorted()),
      ("kind", rules.kinds.keys.sorted()),
    ]
    for (rule, ids) in named {
      for id in ids where rail(id) == nil {
        problems.append(RailRuleProblem(rule: rule, message: "there is no rail \(id) here; \(present)"))
      }
    }
    if let cycle = cycle {
      problems.append(
        RailRuleProblem(
          rule: "parent", message: "the rails lie in one another in a circle: \(cycle.joined(separator: " in "))"))
    }
    return problems + doubles(totals ?? [])
  }

  private var present: String {
    rails.isEmpty ? "none was found" : "siftctl rails lists them: \(rails.map(\.id).joined(separator: ", "))"
  }

  /// A way from a rail through its parents back to itself; nil when the rails are a tree.
  private var cycle: [String]? {
    for rail in rails {
      var way = [rail.id]
      var at = rail
      while let parent = at.parent.flatMap(self.rail) {
        if parent.id == rail.id { return way + [rail.id] }
        guard !way.contains(parent.id) else { break }
        way.append(parent.id)
        at = parent
      }
    }
    return nil
  }

  /// Rails of a sum that are named twice or lie in another one of it.
  private func doubles(_ totals: [String]) -> [RailRuleProblem] {
    totals.enumerated().compactMap { at, id in
      if totals[..<at].contains(id) {
        return RailRuleProblem(rule: "rails", message: "\(id) is named twice")
      }
      guard let outer = ancestors(of: id).first(where: totals.contains) else { return nil }
      return RailRuleProblem(rule: "rails", message: "\(id) lies in \(outer): their sum would count it twice")
    }
  }

  /// The rails that contain `id`, from the nearest outward; ends at a circle.
  func ancestors(of id: String) -> [String] {
    var found: [String] = []
    var at = rail(id)?.parent
    while let parent = at, !found.contains(parent), parent != id {
      found.append(parent)
      at = rail(parent)?.parent
    }
    return found
  }
}
