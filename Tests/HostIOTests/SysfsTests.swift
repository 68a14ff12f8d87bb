// Attribute files: what is a number, what is an error, and that an open attribute shows the present.

import Glibc
import HostIO
import SiftTestKit
import Testing

@Suite struct SysfsTests {
  @Test(arguments: [
    ("0", 0), ("-0\n", 0), ("42\n", 42), ("42\r\n", 42), ("-250\n", -250), ("+7", 7), (" 12 ", 12), ("007", 7),
    ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("5\0\0", 5),
  ])
  func aWholeNumberIsRead(text: String, value: Int64) {
    #expect(SysfsText.integer(text.utf8) == value)
  }

  @Test(arguments: ["", "\n", "-", "+", "1 2", "12a", "0x10", "1.5", "--1", "9223372036854775808", "- 1", "é"])
  func anythingElseIsNone(text: String) { #expect(SysfsText.integer(text.utf8) == nil) }

  @Test func anOpenAttributeShowsThePresent() throws {
    try withSysfs(["a/value": "1"]) { root in
      let attribute = try root.open("a/value")
      #expect(try attribute.integer() == 1)
      try poke(root, "a/value", "22")
      #expect(try attribute.integer() == 22)
    }
  }

  @Test func errorsSayWhatAndWhere() throws {
    let files = FaultyFiles()
    files.fail("broken", errno: ENODATA)
    try withSysfs(["text": "high", "broken": "1"], files: files) { root in
      #expect(throws: SysfsError.missing(path: root.absolute("none"))) { try root.integer("none") }
      #expect(throws: SysfsError.unreadable(path: root.absolute("broken"), errno: ENODATA)) {
        try root.integer("broken")
      }
      #expect(throws: SysfsError.malformed(path: root.absolute("text"), expected: "a whole number", got: "high")) {
        try root.integer("text")
      }
      #expect(root.list("nowhere").isEmpty && root.optional("none") == nil)
    }
  }

  @Test func linksTellTheDeviceBehindAFolder() throws {
    try withSysfs(["hwmon0/device": "-> ../../devices/i2c-1/1-0040", "hwmon0/name": "ina226"]) { root in
      #expect(root.linkName("hwmon0/device") == "1-0040")
      #expect(root.linkName("hwmon0/name") == nil)
    }
  }
}
