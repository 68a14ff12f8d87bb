// The model of an engine as the API sees it.

import ExpertExec
import SiftCore

/// Tokenizer, template and limits of a loaded model.
struct LoadedModel: ServedModel {
  let name: String
  let identity: String
  let context: Int
  let vocabulary: Int
  let endTokens: Set<Int32>
  private let kernels: KernelTable
  private let tokenizer: Tokenizer
  private let template: ChatTemplate?

  /// - Parameters:
  ///   - name: what the API calls it.
  ///   - folder: the model's folder, for the template.
  init(name: String, engine: Engine, folder: String) throws(ModelError) {
    self.name = name
    identity = engine.hash.description
    context = engine.description.contextLength
    vocabulary = engine.description.vocabulary
    endTokens = engine.endTokens
    kernels = engine.kernels
    tokenizer = engine.tokenizer
    template = try ChatTemplate(folder: folder)
  }

  func encode(_ text: String) -> [Int32] { tokenizer.encode(text) }

  func encode(_ messages: [ChatTurn]) throws(ServedModelError) -> [Int32] {
    guard let template else { throw .noTemplate }
    do {
      let turns = messages.map { ChatMessage(role: $0.role, content: $0.content) }
      return tokenizer.encode(try template.render(turns, addGenerationPrompt: true))
    } catch {
      throw .template("\(error)")
    }
  }

  func makeAssembler() -> any TokenAssembling { TextAssembler(tokenizer) }

  func makeSampler(_ choice: SamplingChoice) -> any TokenSampling {
    Sampler(
      SamplingParameters(temperature: choice.temperature, topP: choice.topP, seed: choice.seed), kernels: kernels)
  }
}

extension TextAssembler: TokenAssembling {}
extension Sampler: TokenSampling {}
