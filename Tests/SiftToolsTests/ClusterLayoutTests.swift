// The configurations that a cluster on one machine is started with.

import SiftDaemon
import SiftTools
import Testing

@Suite("Cluster layout")
struct ClusterLayoutTests {
  private func layout(experts: Int, ports: [UInt16], folder: String = "/tmp/run") -> ClusterLayout {
    ClusterLayout(
      model: folder + "/model", modelName: "tiny", experts: experts, folder: folder, socket: folder + "/siftd.sock",
      ports: ports, threads: 2)
  }

  @Test("Every expert is on exactly one node, whatever the numbers", arguments: 1...9, 9...17)
  func split(nodes: Int, experts: Int) {
    let layout = layout(experts: experts, ports: Array(7000..<UInt16(7000 + nodes)))
    #expect(layout.nodes.flatMap { Array($0.experts) } == Array(0..<experts))
    #expect(layout.nodes.count == nodes)
  }

  @Test("The reference model's sixteen experts go six, five and five")
  func referenceModel() {
    let layout = layout(experts: 16, ports: [1, 2, 3])
    #expect(layout.nodes.map(\.experts) == [0...5, 6...10, 11...15])
    #expect(layout.nodes.map(\.name) == ["gateway", "host-1", "host-2"])
  }
}
