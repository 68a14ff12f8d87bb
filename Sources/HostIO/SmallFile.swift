// Small files read whole, with a limit on their size, and files written so that a reader sees the old or the new one.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads all of a regular file.
/// - Parameter limit: the largest size accepted, in bytes; a file that grows while it is read is cut off by it too.
/// - Throws: `FileError` when it cannot be read or is larger than `limit`.
public func readSmallFile(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
  let file = try OpenFile(reading: path)
  let size = try file.identity().size
  guard size <= limit else {
    throw FileError(path: path, operation: "read", reason: "it has \(size) bytes, more than the \(limit) allowed")
  }
  var bytes = [UInt8](repeating: 0, count: size)
  var failure: FileError?
  let filled = bytes.withUnsafeMutableBytes { buffer -> Int in
    do throws(FileError) { return try file.read(into: buffer) } catch {
      failure = error
      return 0
    }
  }
  if let failure { throw failure }
  bytes.removeLast(size - filled)
  return bytes
}

/// True when something exists at `path`, whatever it is.
public func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Replaces `path` with a file of these bytes: written beside it, flushed to the disk, then renamed over it.
/// - Parameter mode: permission bits of the new file.
public func replaceFile(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(FileError) {
  let temporary = "\(path).\(getpid()).tmp"
  unlink(temporary)
  do throws(FileError) {
    let file = try OpenFile(
      path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode_t(mode), operation: "create")
    var failure: FileError?
    bytes.withUnsafeBytes { buffer in
      do throws(FileError) { try file.write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
    guard fsync(file.descriptor) == 0 else { throw FileError(path: temporary, operation: "flush", code: errno) }
    guard rename(temporary, path) == 0 else { throw FileError(path: path, operation: "replace", code: errno) }
  } catch {
    unlink(temporary)
    throw error
  }
}
