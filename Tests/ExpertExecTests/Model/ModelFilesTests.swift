// Opening whole model folders.

import CExpertKernels
import ExpertExec
import SiftTestKit
import Testing

struct ModelFilesTests {
  @Test func `the reference model opens with the sizes of its config`() throws {
    let model = try ModelFiles(folder: ReferenceModel.folder)
    #expect(model.description.family == "qwen3_moe")
    #expect(model.description.layers.count == 6)
    #expect(model.description.router == RouterRule(experts: 16, perToken: 4, renormalises: true))
    #expect(model.description.endTokens == [2, 4])
    #expect(model.weights.layers.count == 6)
    #expect(model.weights.embedding.rows == 4096)
    #expect(model.weights.output.pointer == model.weights.embedding.pointer)
    #expect(model.tensor("model.layers.3.mlp.gate.weight")?.rows == 16)
    #expect(model.tensor("model.layers.6.mlp.gate.weight") == nil)
  }

  @Test(arguments: TinyModel.Family.allCases) func `a model of each family opens`(family: TinyModel.Family) throws {
    var tiny = TinyModel()
    tiny.family = family
    tiny.tied = false
    let folder = try tiny.make()
    let model = try ModelFiles(folder: folder.path)
    #expect(model.weights.layers.count == tiny.layers)
    guard case .sparse(let router, let experts) = model.weights.layers[1].mlp else {
      Issue.record("layer 1 should be sparse")
      return
    }
    #expect(router.rows == 8 && router.columns == 32)
    #expect(experts.count == 8 && experts[7].down.rows == 32 && experts[7].down.columns == 16)
  }

  @Test func `dense layers stand where the config puts them`() throws {
    var tiny = TinyModel()
    tiny.layers = 4
    tiny.denseLayers = [0, 2]
    let folder = try tiny.make()
    let model = try ModelFiles(folder: folder.path)
    #expect((0..<4).map { model.description.experts(layer: $0) } == [0, 8, 0, 8])
    guard case .dense(let mlp) = model.weights.layers[2].mlp else {
      Issue.record("layer 2 should be dense")
      return
    }
    #expect(mlp.gate.rows == 24)
  }

  @Test func `decoder_sparse_step makes every second layer sparse`() throws {
    var tiny = TinyModel()
    tiny.layers = 4
    tiny.denseLayers = [0, 2]
    tiny.overrides = ["mlp_only_layers": "[]", "decoder_sparse_step": "2"]
    let folder = try tiny.make()
    let model = try ModelFiles(folder: folder.path)
    #expect((0..<4).map { model.description.experts(layer: $0) } == [0, 8, 0, 8])
  }
}
