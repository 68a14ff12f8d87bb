// The loaded model: immutable, shared by every session and expert host of a process.

import CExpertKernels
import SiftCore

/// A model ready to run: weights mapped and checked, tokenizer and chat template read. Immutable.
public final class Engine: Sendable {
  /// The opened files; they keep the weights mapped.
  public let files: ModelFiles
  public let tokenizer: Tokenizer
  /// nil when the model has none.
  public let chatTemplate: ChatTemplate?
  /// The instruction set that everything is computed with.
  public let kernels: KernelTable
  /// Threads that a session uses unless its options say otherwise, ≥ 1.
  public let threads: Int
  /// Where the weights lie; `mapped` also when memory for a copy was refused.
  public var residence: WeightResidence { tables.residence }
  let shape: ModelShape
  let tables: ModelTables

  public var description: ModelDescription { files.description }
  public var hash: ContentHash { files.hash }
  /// Tokens that end a text.
  public var endTokens: Set<Int32> { Set(files.description.endTokens) }
  /// The name of the arithmetic: two engines agree to the last bit when this and `hash` are equal.
  public var arithmetic: String { kernels.arithmetic }

  /// Opens the model in `folder`.
  ///
  /// - Parameters:
  ///   - threads: threads that a session uses, the caller among them; at least 1 is taken.
  ///   - kernels: the instruction set.
  ///   - residence: where the weights shall lie.
  ///   - hashCache: a folder in which hashes of large models are remembered; nil remembers nothing.
  public init(
    folder: String, threads: Int = 1, kernels: KernelTable = .best, residence: WeightResidence = .mapped,
    hashCache: String? = nil
  ) throws(ModelError) {
    files = try ModelFiles(folder: folder, hashCache: hashCache)
    tokenizer = try Tokenizer(folder: folder, vocabulary: files.description.vocabulary)
    chatTemplate = try ChatTemplate(folder: folder)
    self.kernels = kernels
    self.threads = max(threads, 1)
    shape = ModelShape(files.description)
    tables = ModelTables(files, residence: residence)
  }

  /// A twin with other kernels or threads over the same files.
  package init(_ other: Engine, threads: Int? = nil, kernels: KernelTable? = nil) {
    files = other.files
    tokenizer = other.tokenizer
    chatTemplate = other.chatTemplate
    self.kernels = kernels ?? other.kernels
    self.threads = max(threads ?? other.threads, 1)
    shape = other.shape
    tables = other.tables
  }

  /// Experts of `layer`; 0 for a dense one or one that does not exist.
  public func experts(layer: Int) -> Int {
    description.layers.indices.contains(layer) ? description.experts(layer: layer) : 0
  }
}
