// The progress bar: what it draws, and when it keeps still.

import SiftTools
import Synchronization
import Testing

@Suite("Progress bar")
struct ProgressBarTests {
  /// A bar whose time is set by the test and whose drawings are kept.
  private final class Stage: Sendable {
    let time = Mutex(Duration.zero)
    let drawn = Mutex<[String]>([])
    func bar(isShown: Bool = true) -> ProgressBar {
      ProgressBar(
        label: "eval", unit: "tokens", total: 100, isShown: isShown, width: 80, now: { self.time.withLock { $0 } },
        write: { text in self.drawn.withLock { $0.append(text) } })
    }
    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    var drawings: [String] { drawn.withLock { $0 } }
  }

  @Test("A line has bar, share, rate and remaining time")
  func line() {
    let progress = Progress(label: "eval", unit: "tokens", done: 50, total: 100, elapsed: 5)
    #expect(
      progress.line(width: 60) == "eval  [###########············]  50 %  10 tokens/s  5 s left")
  }

  @Test("A line is never wider than the terminal", arguments: [1, 5, 10, 20, 40, 60, 79, 200])
  func width(columns: Int) {
    let progress = Progress(label: "calibrate the reference model", unit: "tokens", done: 7, total: 9, elapsed: 90)
    #expect(progress.line(width: columns).count <= columns)
  }

  @Test("Nothing is drawn in the first two seconds, and a task that ends by then leaves no trace")
  func quickTask() {
    let stage = Stage()
    let bar = stage.bar()
    stage.pass(.milliseconds(1900))
    bar.advance(to: 90)
    bar.finish()
    #expect(stage.drawings.isEmpty)
  }

  @Test("A long task is drawn at most five times a second and taken off at the end")
  func longTask() throws {
    let stage = Stage()
    let bar = stage.bar()
    stage.pass(.seconds(4))
    bar.advance(to: 50)
    stage.pass(.milliseconds(100))
    bar.advance(to: 51)
    stage.pass(.milliseconds(150))
    bar.advance()
    bar.finish()
    bar.finish()
    #expect(stage.drawings.count == 3)
    #expect(try #require(stage.drawings.first).contains("50 %  13 tokens/s  4 s left"))
    #expect(stage.drawings[1].contains("52 %"))
    #expect(stage.drawings[2] == "\r\u{1B}[K")
  }

  @Test("Nothing is drawn when nobody looks")
  func noTerminal() {
    let stage = Stage()
    let bar = stage.bar(isShown: false)
    stage.pass(.seconds(60))
    bar.advance(to: 50)
    bar.finish()
    #expect(stage.drawings.isEmpty)
  }
}
