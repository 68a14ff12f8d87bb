// A copy of the reference model with one byte of a file changed.

import Foundation
import SiftTestKit

enum ModelCopy {
  /// - Parameter name: the file whose last byte is changed in its lowest bit.
  static func make(at folder: String, changingLastByteOf name: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: ReferenceModel.folder)
    where file.hasSuffix(".json") || file.hasSuffix(".jinja") || file.hasSuffix(".safetensors") {
      try FileManager.default.copyItem(atPath: ReferenceModel.file(file), toPath: "\(folder)/\(file)")
    }
    let url = URL(fileURLWithPath: "\(folder)/\(name)")
    var data = try Data(contentsOf: url)
    data[data.count - 1] ^= 1
    try data.write(to: url)
  }
}
