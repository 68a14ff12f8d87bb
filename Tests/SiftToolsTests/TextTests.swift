// Tables and figures as text.

import SiftTools
import Testing

@Suite("Text for people")
struct TextTests {
  @Test("A table's columns line up and no line ends in blanks")
  func table() {
    var table = Table([("node", .left), ("rtt", .right), ("state", .left)])
    table.add(["garage", "12 ms", "connected"])
    table.add(["attic-2", "", "lost"])
    table.add(["x"])
    let expected = """
      node       rtt  state
      garage   12 ms  connected
      attic-2         lost
      x

      """
    #expect(table.rendered() == expected)
    #expect(table.rendered(indent: 2).hasPrefix("  node "))
  }

  @Test(
    "Figures have a prefix and three digits",
    arguments: [
      (0.0, "0 J"), (8.2e-4, "820 µJ"), (0.0123, "12.3 mJ"), (1.0, "1.00 J"), (1234.5, "1.23 kJ"), (-0.5, "-500 mJ"),
      (0.99999, "1.00 J"), (2e-12, "0.00 nJ"), (Double.nan, "–"), (Double.infinity, "–"),
    ])
  func prefixes(figure: Double, expected: String) {
    #expect(FigureText.prefixed(figure, "J") == expected)
  }

  @Test(
    "Decimals are rounded, and nothing is ever minus nought",
    arguments: [
      (3.14159, 2, "3.14"), (2.999, 2, "3.00"), (-0.004, 2, "0.00"), (-1.5, 1, "-1.5"), (12, 0, "12"),
      (0.05, 3, "0.050"),
    ])
  func decimals(figure: Double, digits: Int, expected: String) {
    #expect(FigureText.fixed(figure, digits) == expected)
  }

  @Test("A ratio reads as a change")
  func change() {
    #expect(FigureText.change(0.642) == "-35.8 %")
    #expect(FigureText.change(1.05) == "+5.0 %")
    #expect(FigureText.change(1) == "+0.0 %")
  }

  @Test("Spans of time", arguments: [(7.4, "7 s"), (125, "2:05"), (3725, "1:02:05"), (-1, "–"), (.infinity, "–")])
  func clock(seconds: Double, expected: String) {
    #expect(FigureText.clock(seconds) == expected)
  }
}
