// Remembers the hashes of large weight files between starts, so that 60 GB need not be read to say READY.

import Crypto
import HostIO
import SiftCore

/// Hashes of the tensors of weight files, one small text file each in a folder of its own. An entry counts only while
/// the weight file is the same by path, device, inode, size and time of last change. It is written after all its tensors
/// were found finite, so a hit stands for that look too. A cache that cannot be read or written only costs time.
struct HashCache {
  /// A folder that exists and can be written to.
  let directory: String

  /// The digests by tensor name; nil when the file is not known in this state.
  func digests(of file: SafetensorsFile) -> [String: [UInt8]]? {
    guard let bytes = try? readSmallFile(path(for: file), limit: 64 << 20),
      let text = String(validating: bytes, as: UTF8.self)
    else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    let header = heading(of: file)
    guard lines.count > header.count, lines.prefix(header.count).elementsEqual(header, by: { $0 == $1 }),
      lines.last == ""
    else { return nil }
    lines = lines.dropFirst(header.count).dropLast()
    var digests: [String: [UInt8]] = [:]
    for line in lines {
      guard line.utf8.count > 65, let hash = ContentHash(hex: line.prefix(64)) else { return nil }
      digests[String(line.dropFirst(65))] = hash.bytes
    }
    return digests
  }

  /// Remembers the digests of a file. Names with a newline are left out, so that such a file is hashed anew each time.
  func store(_ digests: [(name: String, digest: [UInt8])], of file: SafetensorsFile) {
    var lines = heading(of: file)
    for (name, digest) in digests where !name.utf8.contains(UInt8(ascii: "\n")) {
      guard let hash = ContentHash(bytes: digest) else { continue }
      lines.append("\(hash) \(name)")
    }
    try? replaceFile(path(for: file), with: Array((lines.joined(separator: "\n") + "\n").utf8))
  }

  private func heading(of file: SafetensorsFile) -> [String] {
    let identity = file.mapping.identity
    return [
      "siftd tensor hashes 1", file.path.split(separator: "\n").joined(separator: " "),
      "\(identity.device) \(identity.inode) \(identity.size) \(identity.modified)",
    ]
  }

  private func path(for file: SafetensorsFile) -> String {
    let digest = SHA256.hash(data: Array(file.path.utf8))
    let name = ContentHash(bytes: Array(digest))?.description.prefix(32) ?? ""
    return "\(directory)/\(name).hashes"
  }
}
