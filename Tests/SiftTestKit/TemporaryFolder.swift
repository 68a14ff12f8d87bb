// A folder for one test, removed with everything in it when the test lets go of it.

import Foundation

/// A fresh folder under the system's temporary one.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "siftd-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in the folder.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file and returns its path.
  @discardableResult
  public func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(filePath: file(name)))
    return file(name)
  }
}

/// Removes a file.
public func removeFile(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

/// Makes a folder.
public func makeFolder(_ path: String) throws {
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

/// Makes a file of so many zero bytes, or gives the one that is there this size, without taking room on the disk.
public func makeSparseFile(_ path: String, bytes: Int) throws {
  if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(filePath: path)) }
  let handle = try FileHandle(forWritingTo: URL(filePath: path))
  try handle.truncate(atOffset: UInt64(bytes))
  try handle.close()
}

/// The names in a folder, in order.
public func listFolder(_ path: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}
