// The folder of a model: reading its small files with a limit on each, errors naming the file.

import HostIO

/// A folder as published on Hugging Face: config.json, tokenizer.json, *.safetensors.
package struct ModelFolder: Sendable {
  /// As it was given, without a trailing slash.
  package let path: String

  package init(_ path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  package func file(_ name: String) -> String { "\(path)/\(name)" }
  package func has(_ name: String) -> Bool { fileExists(file(name)) }

  /// The bytes of a file. - Parameter limit: the largest size accepted.
  package func bytes(_ name: String, limit: Int) throws(ModelError) -> [UInt8] {
    do throws(FileError) { return try readSmallFile(file(name), limit: limit) } catch { throw .file(error) }
  }

  /// A file that must hold a JSON object.
  package func object(_ name: String, limit: Int) throws(ModelError) -> JSONObject {
    let text = try bytes(name, limit: limit)
    guard !Self.isPointer(text) else { throw .json(path: file(name), offset: 0, problem: Self.pointerProblem) }
    let value: JSONValue
    do throws(JSONSyntaxError) { value = try JSONParser.parse(text) } catch {
      throw .json(path: file(name), offset: error.offset, problem: error.problem)
    }
    guard let object = value.object else {
      throw .json(path: file(name), offset: 0, problem: "expected an object, got \(value.kind)")
    }
    return object
  }

  /// The beginning of the small files that stand in for large ones in a checkout without Git LFS: the commonest way in
  /// which a downloaded folder is not what it looks like.
  package static let pointerMark = "version https://git-lfs.github.com/spec/"
  package static let pointerProblem = "a Git LFS pointer, not the file itself; fetch it with git lfs pull"

  package static func isPointer(_ bytes: some Sequence<UInt8>) -> Bool { bytes.starts(with: pointerMark.utf8) }
}
