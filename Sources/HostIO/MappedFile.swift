// A file mapped read-only into memory: what weights are read through.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A whole regular file, mapped read-only and private. Pages come from the page cache as they are touched, are shared
/// with every process that maps the same file, and can be dropped by the kernel when memory is short.
///
/// A file that is cut short by someone while it is mapped makes reads beyond its new end fault (SIGBUS); replace model
/// files by renaming new ones into place, never by writing into them.
public final class MappedFile: Sendable {
  public let path: String
  /// What the file was when it was mapped.
  public let identity: FileIdentity
  /// Address of the first byte; nil for an empty file. An integer, because nothing writes through it and the mapping
  /// lives as long as this object: that makes the class `Sendable` without an unchecked promise.
  private let address: UInt

  /// Maps `path`. - Throws: `FileError` when it cannot be opened, is not a regular file, or cannot be mapped.
  public init(path: String) throws(FileError) {
    let file = try OpenFile(reading: path)
    let identity = try file.identity()
    self.path = path
    self.identity = identity
    guard identity.size > 0 else {
      address = 0
      return
    }
    guard let mapping = mmap(nil, identity.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0), mapping != MAP_FAILED
    else { throw FileError(path: path, operation: "map", code: errno) }
    address = UInt(bitPattern: mapping)
  }

  deinit {
    if address != 0 { munmap(UnsafeMutableRawPointer(bitPattern: address), identity.size) }
  }

  /// Size in bytes.
  public var count: Int { identity.size }

  /// The file's bytes. Valid as long as this object lives: whoever keeps a pointer keeps the object too.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: identity.size)
  }

  /// How the pages will be used. Only advice: a kernel that does not take it changes nothing.
  public enum Usage: Sendable {
    /// All of it soon, in order: read ahead.
    case wholeSoon
    /// Parts, in no order: do not read ahead.
    case scattered
  }

  /// Tells the kernel how the pages will be used.
  public func advise(_ usage: Usage) {
    guard let start = UnsafeMutableRawPointer(bitPattern: address) else { return }
    switch usage {
    case .wholeSoon: madvise(start, identity.size, MADV_WILLNEED)
    case .scattered: madvise(start, identity.size, MADV_RANDOM)
    }
  }
  /// Gives the pages that this process has touched back to the page cache; reading them again brings them back.
  public func release() {
    guard let start = UnsafeMutableRawPointer(bitPattern: address) else { return }
    madvise(start, identity.size, MADV_DONTNEED)
  }
}
