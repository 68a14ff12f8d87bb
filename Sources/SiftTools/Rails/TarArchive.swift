// A tar archive written from memory: POSIX ustar, regular files and symbolic links.
// Format: pax(1), "ustar Interchange Format" (POSIX.1-2017).

/// Builds an archive entry by entry. The same entries give the same bytes: owner 0, time 0.
package struct TarArchive {
  private static let block = 512
  private var bytes: [UInt8] = []

  package init() {}

  /// Adds a regular file. - Returns: false when its name does not fit the format.
  @discardableResult
  package mutating func add(file name: String, contents: [UInt8], mode: UInt32 = 0o644) -> Bool {
    guard let header = Self.header(name, size: contents.count, mode: mode, kind: "0", target: "") else { return false }
    bytes += header + contents
    bytes += [UInt8](repeating: 0, count: (Self.block - contents.count % Self.block) % Self.block)
    return true
  }

  /// Adds a symbolic link. - Returns: false when its name or target does not fit the format.
  @discardableResult
  package mutating func add(link name: String, target: String) -> Bool {
    guard let header = Self.header(name, size: 0, mode: 0o777, kind: "2", target: target) else { return false }
    bytes += header
    return true
  }

  /// The archive with its end: two blocks of zeros.
  package func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 2 * Self.block) }

  private static func header(
    _ name: String, size: Int, mode: UInt32, kind: Unicode.Scalar, target: String
  ) -> [UInt8]? {
    guard let (prefix, rest) = split(name), target.utf8.count <= 100 else { return nil }
    var header = [UInt8](repeating: 0, count: block)
    func put(_ text: String, at offset: Int) { for (at, byte) in text.utf8.enumerated() { header[offset + at] = byte } }
    put(rest, at: 0)
    put(octal(UInt64(mode), digits: 7), at: 100)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    put(octal(UInt64(size), digits: 11), at: 124)
    put(octal(0, digits: 11), at: 136)
    put("        ", at: 148)
    put(String(kind), at: 156)
    put(target, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(prefix, at: 345)
    // The sum of the header's bytes with blanks in the place of the sum itself.
    put(octal(header.reduce(0) { $0 + UInt64($1) }, digits: 6), at: 148)
    header[154] = 0
    return header
  }

  /// A name of up to 100 bytes, or one that a slash parts into at most 155 and 100.
  private static func split(_ name: String) -> (prefix: String, rest: String)? {
    if name.utf8.count <= 100 { return ("", name) }
    for slash in name.indices where name[slash] == "/" {
      let (prefix, rest) = (name[..<slash], name[name.index(after: slash)...])
      if prefix.utf8.count <= 155, !rest.isEmpty, rest.utf8.count <= 100 { return (String(prefix), String(rest)) }
    }
    return nil
  }

  private static func octal(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
