// Where the kernel's attribute files stand: /sys in production, a captured or built tree elsewhere.

/// A tree of attribute files. Every module that reads sysfs takes one of these; none spells `/sys` itself. Paths given to
/// it are relative to the root, without a leading slash.
public struct SysfsRoot: Sendable {
  /// The kernel's own tree.
  public static let system = SysfsRoot(path: "/sys")
  /// The longest attribute: one page (Documentation/filesystems/sysfs.rst).
  public static let attributeSizeMax = 4096

  public let path: String
  private let files: any SysfsFiles

  /// - Parameter files: what stands in for the file system; tests pass one that fails on demand.
  public init(path: String, files: any SysfsFiles = SystemFiles()) {
    self.path = path
    self.files = files
  }

  /// The absolute path of a relative one.
  public func absolute(_ relative: String) -> String { relative.isEmpty ? path : "\(path)/\(relative)" }

  /// Opens an attribute for reading again and again.
  public func open(_ relative: String) throws(SysfsError) -> SysfsAttribute {
    let absolute = absolute(relative)
    return SysfsAttribute(path: absolute, handle: try files.open(absolute))
  }

  /// Reads an attribute once, without the white space around it.
  public func attribute(_ relative: String) throws(SysfsError) -> String {
    try open(relative).text()
  }

  /// Reads a whole number once. See `SysfsText.integer` for what is taken.
  public func integer(_ relative: String) throws(SysfsError) -> Int64 { try open(relative).integer() }

  /// The attribute's text, or nil whatever the reason: for labels and other things that may be missing.
  public func optional(_ relative: String) -> String? { try? attribute(relative) }

  /// Names in a folder, sorted; empty when it is missing or unreadable.
  public func list(_ relative: String) -> [String] { files.list(absolute(relative)) }

  /// The last component of a symbolic link's target (`device` → `1-0040`); nil when it is no link.
  public func linkName(_ relative: String) -> String? {
    files.link(absolute(relative))?.split(separator: "/").last.map(String.init)
  }

  /// A symbolic link's target as it is written; nil when it is no link.
  public func linkTarget(_ relative: String) -> String? { files.link(absolute(relative)) }

  /// The path with all links followed; nil when it does not exist.
  public func resolve(_ relative: String) -> String? { files.resolve(absolute(relative)) }
}

/// One attribute kept open: a read is a single `pread`, without allocation.
public final class SysfsAttribute: Sendable {
  /// Absolute, for messages.
  public let path: String
  private let handle: any SysfsHandle

  public init(path: String, handle: any SysfsHandle) {
    self.path = path
    self.handle = handle
  }

  /// The value now. - Throws: `.malformed` for text that is no whole number.
  public func integer() throws(SysfsError) -> Int64 {
    // Within what the standard library keeps on the stack; a longer text is no number.
    try withText(upTo: 1024) { (text: UnsafeRawBufferPointer) throws(SysfsError) in
      guard let value = SysfsText.integer(text) else {
        throw .malformed(
          path: path, expected: "a whole number", got: String(SysfsText.trimmed(Array(text)).prefix(40)))
      }
      return value
    }
  }

  /// The text now, without the white space around it.
  public func text() throws(SysfsError) -> String {
    try withText { (text: UnsafeRawBufferPointer) throws(SysfsError) in SysfsText.trimmed(Array(text)) }
  }

  /// The bytes now, as they are.
  public func rawText() throws(SysfsError) -> [UInt8] {
    try withText { (text: UnsafeRawBufferPointer) throws(SysfsError) in Array(text) }
  }

  private func withText<Value>(
    upTo size: Int = SysfsRoot.attributeSizeMax,
    _ body: (UnsafeRawBufferPointer) throws(SysfsError) -> Value
  ) throws(SysfsError) -> Value {
    let outcome: Result<Value, SysfsError> = withUnsafeTemporaryAllocation(
      byteCount: size, alignment: 1
    ) { buffer in
      do throws(SysfsError) {
        let count = try handle.read(into: buffer)
        return .success(try body(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
