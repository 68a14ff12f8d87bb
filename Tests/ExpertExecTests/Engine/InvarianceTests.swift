// A row's result depends on its own sequence and on nothing else, to the bit.

import ExpertExec
import SiftCore
import SiftTestKit
import Testing

struct InvarianceTests {
  private static let prompt: [Int32] = (0..<97).map { Int32(($0 * 37 + 11) % 4000 + 5) }
  private static let other: [Int32] = (0..<61).map { Int32(($0 * 53 + 7) % 4000 + 5) }

  /// Bits of the logits of the last prompt token and of three tokens after it, however the prompt was cut.
  private func bits(
    _ engine: Engine, prompt: [Int32] = Self.prompt, cuts: [Int] = [], beside: [Int32]? = nil
  ) throws -> [[UInt32]] {
    let session = try InferenceSession(engine: engine)
    let id = try session.open(capacity: 128)
    let companion = try beside.map { _ in try session.open(capacity: 128) }
    var start = 0
    for (number, end) in (cuts + [prompt.count]).enumerated() {
      var chunks = [Chunk(sequence: id, tokens: prompt[start..<end], wanted: .last)]
      if let beside, let companion {
        let piece = beside[number * 20..<min(number * 20 + 20, beside.count)]
        // Before and after: the place of a row in its step must not matter either.
        chunks.insert(Chunk(sequence: companion, tokens: piece, wanted: .last), at: number % 2 == 0 ? 0 : 1)
      }
      try session.forward(chunks)
      start = end
    }
    let row = beside == nil || cuts.count % 2 == 1 ? 0 : 1
    var seen = [session.logits(row: row).map(\.bitPattern)]
    for token: Int32 in [17, 1234, 99] {
      try session.forward([Chunk(sequence: id, token: token)])
      seen.append(session.logits(row: 0).map(\.bitPattern))
    }
    return seen
  }

  @Test(arguments: [[1], [16], [17], [50], [96], [1, 2, 3], [16, 32, 48, 64, 80, 96], [5, 37, 70]])
  func `a prompt gives the same bits however it is cut`(cuts: [Int]) throws {
    let engine = try referenceEngine()
    #expect(try bits(engine, cuts: cuts) == bits(engine))
  }

  @Test func `a prompt gives the same bits token by token`() throws {
    let engine = try referenceEngine()
    #expect(try bits(engine, cuts: Array(1..<Self.prompt.count)) == bits(engine))
  }

  @Test(arguments: [[], [40], [13, 60]])
  func `a sequence gives the same bits beside another`(cuts: [Int]) throws {
    let engine = try referenceEngine()
    #expect(try bits(engine, cuts: cuts, beside: Self.other) == bits(engine))
  }

  @Test(arguments: [2, 3, 5, 8])
  func `any number of threads gives the same bits`(threads: Int) throws {
    let alone = try bits(referenceEngine())
    #expect(try bits(referenceEngine(threads: threads)) == alone)
    #expect(try bits(referenceEngine(threads: threads), cuts: [30, 31, 60]) == alone)
  }

  @Test func `every kernel path with fused arithmetic gives the same bits`() throws {
    let prompt = Array(Self.prompt.prefix(24))
    let expected = try bits(referenceEngine(.reference), prompt: prompt)
    for kernels in KernelTable.available where kernels.arithmetic == KernelTable.reference.arithmetic {
      #expect(try bits(referenceEngine(kernels), prompt: prompt) == expected, "\(kernels)")
    }
  }

  @Test func `weights copied to huge pages give the same bits`() throws {
    let copied = try Engine(folder: ReferenceModel.folder, residence: .hugePages)
    #expect(copied.residence == .hugePages)
    #expect(try bits(copied) == bits(referenceEngine()))
  }

  @Test(arguments: TinyModel.Family.allCases)
  func `every family gives the same bits however a prompt is cut`(family: TinyModel.Family) throws {
    var recipe = TinyModel()
    recipe.family = family
    recipe.layers = 3
    if family == .qwen3Moe { recipe.denseLayers = [1] }
    let folder = try recipe.make()
    let engine = try Engine(folder: folder.path)
    let prompt = (0..<60).map { Int32(($0 * 29) % 256) }
    func logits(_ cuts: [Int], _ threads: Int) throws -> [UInt32] {
      let session = try InferenceSession(engine: Engine(engine, threads: threads))
      let id = try session.open(capacity: 60)
      var start = 0
      for end in cuts + [60] {
        try session.forward([Chunk(sequence: id, tokens: prompt[start..<end], wanted: .last)])
        start = end
      }
      return session.logits(row: 0).map(\.bitPattern)
    }
    let whole = try logits([], 1)
    #expect(whole.allSatisfy { Float(bitPattern: $0).isFinite })
    #expect(try logits([1, 20, 21], 1) == whole)
    #expect(try logits([33], 3) == whole)
  }

  @Test func `a rewound sequence gives the same bits again`() throws {
    let session = try InferenceSession(engine: referenceEngine())
    let id = try session.open(capacity: 128)
    try session.forward([Chunk(sequence: id, tokens: Self.prompt, wanted: .last)])
    let first = session.logits(row: 0).map(\.bitPattern)
    try session.rewind(id, to: 40)
    #expect(session.length(of: id) == 40)
    try session.forward([Chunk(sequence: id, tokens: Self.prompt[40...], wanted: .last)])
    #expect(session.logits(row: 0).map(\.bitPattern) == first)
  }
}
