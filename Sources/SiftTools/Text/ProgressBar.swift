// A progress bar on standard error: only for people, and only for what takes longer than two seconds.

import Synchronization

/// How far a long task is. `line` is pure, so that tests need no terminal.
public struct Progress: Hashable, Sendable {
  /// What is being done, such as "eval novels.txt".
  public var label: String
  /// What is counted, such as "tokens".
  public var unit: String
  public var done: Int
  /// How many there will be; above 0.
  public var total: Int
  /// Seconds since the start.
  public var elapsed: Double

  public init(label: String, unit: String, done: Int, total: Int, elapsed: Double) {
    self.label = label
    self.unit = unit
    self.done = done
    self.total = total
    self.elapsed = elapsed
  }

  /// One line without a newline, never longer than `width` characters:
  /// `eval novels.txt  [######······]  50 %  1250 tokens/s  0:08 left`. Parts are left out when there is no room.
  public func line(width: Int) -> String {
    let share = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 0
    let rate = elapsed > 0 ? Double(done) / elapsed : 0
    let left = rate > 0 ? FigureText.clock(Double(max(0, total - done)) / rate) : "–"
    let percent = FigureText.fixed(share * 100, 0) + " %"
    let figures = "\(percent)  \(FigureText.fixed(rate, rate < 10 ? 1 : 0)) \(unit)/s  \(left) left"
    let room = width - label.count - figures.count - 6
    if room >= 8 {
      let filled = Int(share * Double(min(room, 40)))
      let bar = String(repeating: "#", count: filled) + String(repeating: "·", count: min(room, 40) - filled)
      return "\(label)  [\(bar)]  \(figures)"
    }
    let short = "\(label)  \(percent)  \(left) left"
    return short.count <= width ? short : String(percent.prefix(max(0, width)))
  }
}

/// Draws `Progress` over itself on a terminal. Safe to advance from any thread; cheap when nothing is to be drawn.
public final class ProgressBar: Sendable {
  private struct State {
    var done = 0
    var total: Int
    var drawnAt: Duration?
    var isOver = false
  }
  private let label: String
  private let unit: String
  private let isShown: Bool
  private let width: Int
  private let now: @Sendable () -> Duration
  private let write: @Sendable (String) -> Void
  private let state: Mutex<State>

  /// Nothing is drawn before this much time has passed.
  static let patience = Duration.seconds(2)
  /// The time between two drawings.
  static let pace = Duration.milliseconds(200)

  /// - Parameters:
  ///   - label: what is being done.
  ///   - unit: what is counted.
  ///   - total: how many there will be.
  ///   - isShown: whether anything is drawn at all; a terminal by default.
  ///   - width: columns of the terminal.
  ///   - now: time since the start of the task.
  ///   - write: where the drawing goes; standard error by default.
  public init(
    label: String, unit: String, total: Int, isShown: Bool = StandardError.isTerminal,
    width: Int = StandardError.columns, now: (@Sendable () -> Duration)? = nil,
    write: @escaping @Sendable (String) -> Void = StandardError.write
  ) {
    self.label = label
    self.unit = unit
    self.state = Mutex(State(total: total))
    self.isShown = isShown && total > 0
    self.width = width
    self.write = write
    let start = ContinuousClock.now
    self.now = now ?? { ContinuousClock.now - start }
  }

  /// Says that `done` of the total are done.
  /// - Parameter total: a new total, where more is known than before.
  public func advance(to done: Int, of total: Int? = nil) {
    guard isShown else { return }
    let elapsed = now()
    state.withLock { state in
      state.done = done
      if let total { state.total = total }
      guard !state.isOver, elapsed >= Self.patience,
        state.drawnAt.map({ elapsed - $0 >= Self.pace }) ?? true
      else { return }
      state.drawnAt = elapsed
      draw(done: done, total: state.total, elapsed: elapsed)
    }
  }

  /// Says that one more is done.
  public func advance(by count: Int = 1) {
    advance(to: state.withLock { $0.done } + count)
  }

  /// Takes the bar off the terminal. Call it however the task ends; more than once does no harm.
  public func finish() {
    state.withLock { state in
      if state.drawnAt != nil, !state.isOver { write("\r\u{1B}[K") }
      state.isOver = true
    }
  }

  private func draw(done: Int, total: Int, elapsed: Duration) {
    let progress = Progress(
      label: label, unit: unit, done: done, total: total,
      elapsed: Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
    write("\r\u{1B}[K" + progress.line(width: max(1, width - 1)))
  }
}
