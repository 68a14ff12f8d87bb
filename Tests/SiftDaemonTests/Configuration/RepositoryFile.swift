// Files of the checkout that tests compare with what the code prints.

import HostIO

enum RepositoryFile {
  /// The text of a file by its path from the top of the checkout.
  static func text(_ path: String, from here: String = #filePath) throws -> String {
    let top = here.split(separator: "/").dropLast(4).joined(separator: "/")
    return String(decoding: try readSmallFile("/\(top)/\(path)", limit: 1 << 20), as: UTF8.self)
  }
}
