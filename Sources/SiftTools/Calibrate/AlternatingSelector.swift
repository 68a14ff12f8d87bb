// Selectors that take turns from window to window, and the log of what their decisions did.

import ExpertExec
import SiftCore

/// Takes turns between selectors from window to window, and keeps what each window booked.
final class AlternatingSelector: ExpertSelecting {
  private let selectors: [EvalSelector]
  private var window = -1
  private var before = 0.0
  /// `[window]`: Σ over its tokens and layers of the booked mean square error.
  private(set) var errors: [Double] = []

  init(_ selectors: [EvalSelector]) { self.selectors = selectors }

  private var current: EvalSelector { selectors[max(0, window) % selectors.count] }

  func beginWindow() {
    window += 1
    before = current.books.squareSum
  }
  /// Goes on after windows that an earlier run read.
  func goOn(after errors: [Double]) {
    self.errors = errors
    window = errors.count - 1
  }
  func endWindow() { errors.append(current.books.squareSum - before) }

  func beginStep(rows: [SequenceID]) {}
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {}
  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    current.decide(layer: layer, routed: routed, plan: &plan)
  }
}

/// What several variants did in the windows read so far.
struct EffectLog {
  /// Of the stage, in names of arrays.
  let label: String
  /// `[variant][window]`.
  private(set) var effects: [[WindowEffect]]
  /// `[variant][window]`: Σ over tokens and layers of the booked mean square error.
  private(set) var errors: [[Double]]

  init(label: String, variants: Int) {
    self.label = label
    effects = Array(repeating: [], count: variants)
    errors = Array(repeating: [], count: variants)
  }

  var windows: Int { effects.first?.count ?? 0 }

  mutating func add(_ window: [WindowEffect], errors booked: [Double]) {
    for variant in effects.indices {
      effects[variant].append(window[variant])
      errors[variant].append(booked[variant])
    }
  }

  func save(to part: inout CalibrationPart) {
    for variant in effects.indices {
      part.add("\(label).\(variant)", effects[variant].flatMap(\.figures))
      part.add("\(label).\(variant).errors", errors[variant])
    }
  }

  /// - Returns: false when something is missing or misshapen; the log is of no use then.
  mutating func restore(from part: CalibrationPart) -> Bool {
    for variant in effects.indices {
      guard let figures = part.doubles("\(label).\(variant)"),
        let errors = part.doubles("\(label).\(variant).errors"),
        figures.count == errors.count * WindowEffect.figureCount
      else { return false }
      self.errors[variant] = errors
      effects[variant] = errors.indices.map { WindowEffect(figures: figures, at: $0 * WindowEffect.figureCount) }
    }
    return Set(errors.map(\.count)).count <= 1
  }
}
