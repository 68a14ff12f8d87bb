// Why a model folder was refused: one line that names what, where, and what was expected.

import HostIO

/// A model that cannot be used. Every case prints as one line naming the file and the place in it.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The system refused a file.
  case file(FileError)
  /// A file that is not JSON as RFC 8259 has it; `offset` counts bytes from the start of the file.
  case json(path: String, offset: Int, problem: String)
  /// A key of config.json (or generation_config.json) is missing or absurd.
  case configuration(path: String, key: String, problem: String)
  /// The architecture is none of those this build describes.
  case unknownArchitecture(path: String, name: String, known: [String])
  /// The model asks for something that this engine does not compute: going on would give wrong numbers in silence.
  case unsupported(path: String, key: String, problem: String)
  /// A safetensors file (or its index) breaks the format. `tensor` is nil when the file as a whole does.
  case safetensors(path: String, tensor: String?, problem: String)
  /// A weight that the architecture needs is in none of the files.
  case missingTensor(folder: String, name: String, shape: [Int])
  /// A weight has another shape than config.json promises.
  case shape(path: String, tensor: String, expected: [Int], got: [Int])
  /// A weight is stored in a type that the kernels do not read.
  case elementType(path: String, tensor: String, expected: [String], got: String)
  /// A weight that the architecture knows nothing about: leaving it out could change the numbers.
  case unusedTensor(path: String, tensor: String)
  /// A weight holds NaN or infinity; `index` is the element, row-major.
  case notFinite(path: String, tensor: String, index: Int)
  /// tokenizer.json (or a file beside it) cannot be used; `place` is a key path.
  case tokenizer(path: String, place: String, problem: String)
  /// A chat template that is not understood; lines and columns count from 1.
  case chatTemplate(path: String, line: Int, column: Int, problem: String)

  public var description: String {
    switch self {
    case .file(let error): error.description
    case .json(let path, let offset, let problem): "\(path): byte \(offset): \(problem)"
    case .configuration(let path, let key, let problem): "\(path): \(key): \(problem)"
    case .unknownArchitecture(let path, let name, let known):
      "\(path): architecture \(name) is not known; known are \(known.joined(separator: ", "))"
    case .unsupported(let path, let key, let problem): "\(path): \(key): \(problem) is not supported"
    case .safetensors(let path, let tensor?, let problem): "\(path): tensor \(tensor): \(problem)"
    case .safetensors(let path, nil, let problem): "\(path): \(problem)"
    case .missingTensor(let folder, let name, let shape):
      "\(folder): tensor \(name) is missing: expected shape \(shape)"
    case .shape(let path, let tensor, let expected, let got):
      "\(path): tensor \(tensor): expected shape \(expected), got \(got)"
    case .elementType(let path, let tensor, let expected, let got):
      "\(path): tensor \(tensor): expected type \(expected.joined(separator: ", ")), got \(got)"
    case .unusedTensor(let path, let tensor):
      "\(path): tensor \(tensor) has no place in this architecture; leaving it out could change the model's answers"
    case .notFinite(let path, let tensor, let index):
      "\(path): tensor \(tensor): element \(index) is not a finite number"
    case .tokenizer(let path, let place, let problem): "\(path): \(place): \(problem)"
    case .chatTemplate(let path, let line, let column, let problem): "\(path):\(line):\(column): \(problem)"
    }
  }
}
