// Every family, weight type and layer kind computes what the plain twin computes.

import CExpertKernels
import ExpertExec
import SiftTestKit
import Testing

struct FamilyTests {
  private func compare(_ recipe: TinyModel, tokens count: Int = 20) throws {
    let folder = try recipe.make()
    let engine = try Engine(folder: folder.path)
    var random = SeededGenerator(seed: 3)
    let tokens = (0..<count).map { _ in Int32.random(in: 0..<256, using: &random) }
    let expected = PlainModel(engine).logits(tokens)
    for kernels in KernelTable.available {
      let session = try InferenceSession(engine: Engine(engine, kernels: kernels))
      let id = try session.open(capacity: count)
      try session.forward([Chunk(sequence: id, tokens: Array(tokens.prefix(count - 1)), wanted: .none)])
      try session.forward([Chunk(sequence: id, token: tokens[count - 1])])
      let difference = distance(Array(session.logits(row: 0)), expected.map(Float.init))
      let scale = Float(expected.map(abs).max() ?? 0)
      #expect(difference < 2e-5 * max(scale, 1), "\(kernels): \(difference) of \(scale)")
    }
  }

  @Test(arguments: TinyModel.Family.allCases, [ElementType.bf16, .f16, .f32])
  func `a family computes what the plain twin does`(family: TinyModel.Family, type: ElementType) throws {
    var recipe = TinyModel()
    recipe.family = family
    recipe.type = type
    recipe.layers = 3
    recipe.tied = family == .qwen3Moe
    try compare(recipe)
  }

  @Test func `dense layers between sparse ones compute what the plain twin does`() throws {
    var recipe = TinyModel()
    recipe.layers = 4
    recipe.denseLayers = [0, 2]
    recipe.tied = false
    try compare(recipe)
  }

  @Test func `odd sizes compute what the plain twin does`() throws {
    var recipe = TinyModel()
    recipe.width = 42
    recipe.queryHeads = 6
    recipe.keyValueHeads = 3
    recipe.headWidth = 10
    recipe.experts = 7
    recipe.perToken = 3
    recipe.expertWidth = 19
    try compare(recipe, tokens: 37)
  }

  @Test func `weights that are not renormalised compute what the plain twin does`() throws {
    var recipe = TinyModel()
    recipe.overrides = ["norm_topk_prob": "false"]
    try compare(recipe)
  }

  @Test func `one head for all and one expert a token compute what the plain twin does`() throws {
    var recipe = TinyModel()
    recipe.keyValueHeads = 1
    recipe.perToken = 1
    try compare(recipe)
  }
}
