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
    let value: JSONValue
    do throws(JSONSyntaxError) { value = try JSONParser.parse(text) } catch {
      throw .json(path: file(name), offset: error.offset, problem: error.problem)
    }
    guard let object = value.object else {
      throw .json(path: file(name), offset: 0, problem: "expected an object, got \(value.kind)")
    }
    return object
  }
}
