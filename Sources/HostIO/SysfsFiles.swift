// The seam to the file system that attribute readers stand on: the real one, and whatever a test puts in its place.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One attribute kept open. Reading starts at offset 0 each time: that is how sysfs delivers a fresh value.
public protocol SysfsHandle: Sendable {
  /// Fills `buffer` from the start of the attribute. - Returns: the bytes read.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int
}

/// The calls that this project makes on attribute trees. Paths are absolute.
public protocol SysfsFiles: Sendable {
  func open(_ path: String) throws(SysfsError) -> any SysfsHandle
  /// Names in a folder, sorted; empty when there is no such folder or it cannot be read.
  func list(_ path: String) -> [String]
  /// The target of a symbolic link as written; nil when `path` is none.
  func link(_ path: String) -> String?
  /// The path with every symbolic link followed; nil when it does not exist.
  func resolve(_ path: String) -> String?
}

/// The kernel's own.
public struct SystemFiles: SysfsFiles {
  public init() {}

  public func open(_ path: String) throws(SysfsError) -> any SysfsHandle { try OpenAttribute(path: path) }

  public func list(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  public func link(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
      guard let start = buffer.baseAddress else { return nil }
      let length = readlink(path, start, buffer.count)
      guard length >= 0 else { return nil }
      return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  public func resolve(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// An open descriptor of an attribute, closed with the object.
final class OpenAttribute: SysfsHandle {
  private let descriptor: Int32
  private let path: String

  init(path: String) throws(SysfsError) {
    let descriptor = Self.open(path)
    guard descriptor >= 0 else { throw .from(errno: errno, path: path) }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
      if count >= 0 { return count }
      if errno != EINTR { throw .from(errno: errno, path: path) }
    }
  }

  /// O_NONBLOCK: a FIFO in a captured tree must not stop the reader; sysfs ignores it.
  private static func open(_ path: String) -> Int32 {
    while true {
      let descriptor = openFile(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      if descriptor >= 0 || errno != EINTR { return descriptor }
    }
  }
}

/// `open` by another name: inside `OpenAttribute` the C function is hidden by the method.
private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }
