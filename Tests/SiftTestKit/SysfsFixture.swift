// Attribute trees for tests: built from a dictionary in a temporary folder, with reads that fail on demand.

import Foundation
import HostIO
import Synchronization

/// Builds `[path: contents]` as a tree, runs `body` on it and removes it. Contents that begin with `-> ` make a symbolic
/// link to what follows; others are written as they are, plus the newline that the kernel adds when there is none.
public func withSysfs<Result>(
  _ tree: [String: String], files: any SysfsFiles = SystemFiles(), _ body: (SysfsRoot) throws -> Result
) throws -> Result {
  let root = try buildSysfs(tree)
  defer { try? FileManager.default.removeItem(at: root) }
  return try body(SysfsRoot(path: root.path, files: files))
}

/// The same for a body that awaits.
public func withSysfs<Result>(
  _ tree: [String: String], files: any SysfsFiles = SystemFiles(), _ body: (SysfsRoot) async throws -> Result
) async throws -> Result {
  let root = try buildSysfs(tree)
  defer { try? FileManager.default.removeItem(at: root) }
  return try await body(SysfsRoot(path: root.path, files: files))
}

/// Overwrites one attribute in place, so that descriptors kept open see the new value.
public func poke(_ root: SysfsRoot, _ relative: String, _ contents: String) throws {
  let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: root.absolute(relative)))
  try handle.truncate(atOffset: 0)
  try handle.write(contentsOf: Data((contents + "\n").utf8))
  try handle.close()
}

private func buildSysfs(_ tree: [String: String]) throws -> URL {
  let manager = FileManager.default
  let root = manager.temporaryDirectory.appendingPathComponent("sift-sysfs-\(UUID().uuidString)")
  try manager.createDirectory(at: root, withIntermediateDirectories: true)
  for (path, contents) in tree {
    let url = root.appendingPathComponent(path)
    try manager.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    if contents.hasPrefix("-> ") {
      try manager.createSymbolicLink(atPath: url.path, withDestinationPath: String(contents.dropFirst(3)))
    } else {
      let text = contents.isEmpty || contents.hasSuffix("\n") ? contents : contents + "\n"
      try Data(text.utf8).write(to: url)
    }
  }
  return root
}

/// The real files, but reads of paths that end as told fail with an errno, as often as told.
public final class FaultyFiles: SysfsFiles {
  private struct Fault {
    let errno: Int32
    var left: Int
  }
  private let base: any SysfsFiles
  private let faults = Mutex<[String: Fault]>([:])

  public init(base: any SysfsFiles = SystemFiles()) { self.base = base }

  /// The next `times` reads of any path that ends in `suffix` fail with `errno`.
  public func fail(_ suffix: String, errno: Int32, times: Int = .max) {
    faults.withLock { $0[suffix] = Fault(errno: errno, left: times) }
  }
  /// Ends every fault.
  public func heal() { faults.withLock { $0 = [:] } }

  fileprivate func fault(_ path: String, only: Int32? = nil) -> Int32? {
    faults.withLock { faults in
      guard let key = faults.keys.first(where: { path.hasSuffix($0) }), let fault = faults[key], fault.left > 0,
        only == nil || only == fault.errno
      else { return nil }
      faults[key] = Fault(errno: fault.errno, left: fault.left - 1)
      return fault.errno
    }
  }

  public func open(_ path: String) throws(SysfsError) -> any SysfsHandle {
    // The kernel checks permissions when a file is opened, everything else when it is read.
    if let code = fault(path, only: EACCES) { throw .unreadable(path: path, errno: code) }
    return FaultyHandle(path: path, base: try base.open(path), owner: self)
  }
  public func list(_ path: String) -> [String] { base.list(path) }
  public func link(_ path: String) -> String? { base.link(path) }
  public func resolve(_ path: String) -> String? { base.resolve(path) }
}

private final class FaultyHandle: SysfsHandle {
  let path: String
  let base: any SysfsHandle
  let owner: FaultyFiles
  init(path: String, base: any SysfsHandle, owner: FaultyFiles) {
    self.path = path
    self.base = base
    self.owner = owner
  }
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
    if let code = owner.fault(path) { throw .unreadable(path: path, errno: code) }
    return try base.read(into: buffer)
  }
}
