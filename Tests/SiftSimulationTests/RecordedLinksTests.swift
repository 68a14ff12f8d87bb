// Recordings: what is read, and what is refused where.

import SiftSimulation
import Testing

@Suite struct RecordedLinksTests {
  private static let head = "time_s,link,goodput_mbps,traffic_on\n"

  private func problem(_ rows: String) -> String? {
    do {
      _ = try RecordedLinks(csv: Self.head + rows)
      return nil
    } catch { return error.description }
  }

  @Test func secondsInWhichALinkWasNotLoadedAreLeftOut() throws {
    let links = try RecordedLinks(
      csv: Self.head + "0,a,1.5,1\n0,b,0,1\n1,a,2,0\n1,b,3,1\n2,b,4,1\n2,a,,1\n3,b,6,1\n3,a,5,1\n")
    #expect(links.links == ["a", "b"])
    #expect(links.goodput == [[1.5e6, 0], [5e6, 6e6]])
    #expect(links.leftOut == 2)
  }

  @Test func aColumnMoreOrLessAndOtherOrdersAreRead() throws {
    let links = try RecordedLinks(csv: "link,x,goodput_mbps,time_s\na,7,1,0\na,8,0.5,1\n")
    #expect(links.goodput == [[1e6], [0.5e6]])
  }

  @Test(arguments: [
    ("0,a,1,1\n2,a,1,1\n", "line 3: time_s: 2 follows 0; the seconds between are missing"),
    ("5,a,1,1\n4,a,1,1\n", "line 3: time_s: 4 comes after 5; times must rise"),
    ("0,a,1,1\n0,b,1,1\n1,a,1,1\n1,c,1,1\n", "line 5: link c is not known: the first second has [\"a\", \"b\"]"),
    ("0,a,1,1\n0,b,1,1\n1,a,1,1\n2,a,1,1\n", "line 5: link b has no row for second 1"),
    ("0,a,1,1\n0,a,1,1\n", "line 3: link a has two rows in one second"),
    ("0,a,-1,1\n", "line 2: goodput_mbps: \"-1\" is no number of at least 0"),
    ("0,a,nan,1\n", "line 2: goodput_mbps: \"nan\" is no number of at least 0"),
    ("0.5,a,1,1\n", "line 2: time_s: \"0.5\" is no whole number of seconds"),
    ("x,a,1,1\n", "line 2: time_s: \"x\" is no whole number of seconds"),
    ("0,a\n", "line 2: has 2 columns, too few"),
    ("", "has no rows"),
    ("0,a,1,0\n", "has no second in which every link was loaded and measured"),
  ])
  func whatIsWrongIsSaidWithItsLine(rows: String, expected: String) {
    #expect(problem(rows) == expected)
  }

  @Test func aMissingColumnIsNamed() {
    #expect(throws: RecordingError.self) { try RecordedLinks(csv: "time_s,link\n0,a\n") }
    do { _ = try RecordedLinks(csv: "time_s,link\n0,a\n") } catch {
      #expect(error.description == "line 1: the column goodput_mbps is missing")
    }
  }
}
