// What an expert host computes, and what it refuses.

import ExpertExec
import SiftCore
import SiftTestKit
import Testing

struct ExpertHostTests {
  /// A visit whose parts a test can spoil.
  private struct Request {
    var layer = 2
    var width = 256
    var hidden: [Float] = (0..<512).map { Float($0 % 17) / 17 - 0.4 }
    var counts: [Int32] = [2, 1]
    var experts: [Int32] = [3, 9, 3]
    var weights: [Float] = [0.5, 0.25, 0.125]
    var room = 512

    func send(to host: ExpertHost) throws -> [Double] {
      var sums = Array(repeating: 7.0, count: room)
      try sums.withUnsafeMutableBufferPointer { sums in
        try hidden.withUnsafeBufferPointer { hidden in
          try counts.withUnsafeBufferPointer { counts in
            try experts.withUnsafeBufferPointer { experts in
              try weights.withUnsafeBufferPointer { weights in
                let base = try #require(hidden.baseAddress)
                try host.execute(
                  ExpertVisit(
                    node: NodeIndex(1), layer: layer, width: width, rows: counts.count, hidden: base, counts: counts,
                    experts: experts, weights: weights, patience: .seconds(1)), sums: sums)
              }
            }
          }
        }
      }
      return sums
    }
  }

  private func host(_ hosted: [Int]? = nil, threads: Int = 1) throws -> ExpertHost {
    try ExpertHost(
      engine: referenceEngine(), hosted: hosted.map { Array(repeating: $0, count: 6) }, threads: threads)
  }

  @Test func `sums are the weighted outputs of the experts and start from nothing`() throws {
    let host = try host()
    let request = Request()
    let sums = try request.send(to: host)
    var outputs = Array(repeating: Float(0), count: 2 * 2 * 256)
    try outputs.withUnsafeMutableBufferPointer { out in
      try request.hidden.withUnsafeBufferPointer { hidden in
        try host.outputs(
          layer: 2, experts: [3, 9], hidden: try #require(hidden.baseAddress), rows: 2,
          out: try #require(out.baseAddress))
      }
    }
    for i in 0..<256 {
      let first = 0.5 * Double(outputs[i]) + 0.25 * Double(outputs[512 + i])
      let second = 0.125 * Double(outputs[256 + i])
      #expect(abs(sums[i] - first) < 1e-6 && abs(sums[256 + i] - second) < 1e-6)
    }
    #expect(sums.contains { abs($0) > 1e-3 })
  }

  @Test func `sums do not depend on how pairs are spread over visits or threads`() throws {
    let together = try Request().send(to: host())
    #expect(try Request().send(to: host(threads: 3)) == together)
    var first = Request()
    (first.counts, first.experts, first.weights) = ([1, 1], [9, 3], [0.25, 0.125])
    var second = Request()
    (second.counts, second.experts, second.weights) = ([1], [3], [0.5])
    let (a, b) = (try first.send(to: host()), try second.send(to: host()))
    #expect((0..<256).map { a[$0] + b[$0] } == Array(together[0..<256]))
    #expect(a[256..<512] == together[256..<512])
  }

  @Test func `a host names what it serves`() throws {
    let host = try host([3, 9])
    #expect(host.hostedExperts(layer: 5) == [3, 9])
    #expect(host.hostedExperts(layer: 6) == [] && host.hostedExperts(layer: -1) == [])
    #expect(host.layers == 6 && host.width == 256)
    #expect(try host.modelHash == referenceEngine().hash)
    #expect(host.arithmetic == "fma16" || host.arithmetic == "muladd16")
  }

  @Test func `experts that are not here are refused`() throws {
    let host = try host([3])
    #expect(throws: ExpertHostingError.notHosted(layer: 2, expert: 9)) { try Request().send(to: host) }
    for expert: Int32 in [16, -1, .max, .min] {
      var request = Request()
      request.experts[0] = expert
      #expect(throws: ExpertHostingError.notHosted(layer: 2, expert: Int(expert))) { try request.send(to: host) }
    }
    for layer in [6, -1, .max] {
      var request = Request()
      request.layer = layer
      #expect(throws: ExpertHostingError.noSuchLayer(layer, layers: 6)) { try request.send(to: host) }
    }
    #expect(throws: SessionError.self) { try self.host([16]) }
  }

  @Test func `figures that are not finite are refused`() throws {
    let host = try host()
    for figure in [Float.nan, .infinity, -.infinity] {
      var hidden = Request()
      hidden.hidden[300] = figure
      #expect(throws: ExpertHostingError.notFinite(layer: 2)) { try hidden.send(to: host) }
      var weight = Request()
      weight.weights[2] = figure
      #expect(throws: ExpertHostingError.notFinite(layer: 2)) { try weight.send(to: host) }
    }
    var overflowing = Request()
    overflowing.hidden = Array(repeating: 1e30, count: 512)
    #expect(throws: ExpertHostingError.notFinite(layer: 2)) { try overflowing.send(to: host) }
  }

  @Test func `visits of the wrong shape are refused`() throws {
    let host = try host()
    let spoil: [(inout Request) -> Void] = [
      { $0.width = 255 }, { $0.counts = [2, 0] }, { $0.counts = [2, 2] }, { $0.counts = [2, -1] },
      { $0.counts = [17, 1] }, { $0.experts = [3, 9] }, { $0.weights = [0.5] }, { $0.room = 511 }, { $0.counts = [] },
      { $0.counts = Array(repeating: 1, count: 513) },
    ]
    for (index, change) in spoil.enumerated() {
      var request = Request()
      change(&request)
      do {
        _ = try request.send(to: host)
        Issue.record("spoiled visit \(index) was executed")
      } catch ExpertHostingError.shape {}
    }
  }
}
