// A model as the tools open it, with failures in the tools' own terms.

import ExpertExec
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An engine and the folder it came from.
struct LoadedModel {
  let engine: Engine
  let folder: String

  /// `[layer]` → experts, 0 for a dense layer.
  var experts: [Int] { engine.description.layers.indices.map { engine.experts(layer: $0) } }
  /// Routed experts a token; 0 for a model without experts.
  var perToken: Int { engine.description.router?.perToken ?? 0 }

  /// - Parameter threads: nil: as many as there are processors.
  init(folder: String, threads: Int?) throws(ToolFailure) {
    do {
      engine = try Engine(folder: folder, threads: threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    } catch {
      throw ToolFailure(.badData, error)
    }
    self.folder = folder
    guard engine.description.router != nil else {
      throw ToolFailure(.badData, "\(folder): the model has no layer with experts")
    }
  }

  /// Tokens of a whole text: none are added, special ones that are spelt out in it count as such.
  func encode(_ text: String) -> [Int32] { engine.tokenizer.encode(text, parseSpecial: true) }

  /// Name of a model's own calibration file in its folder.
  static let calibrationName = "calibration.safetensors"

  /// Reads the calibration at `path`, or the model's own.
  func calibration(_ path: String?) throws(ToolFailure) -> Calibration {
    do {
      return try Calibration(
        path: path ?? "\(folder)/\(Self.calibrationName)", modelHash: engine.hash, experts: experts)
    } catch {
      throw ToolFailure(.badData, error)
    }
  }
}
