// The options with which commands say which daemon they mean.

import ArgumentParser
import SiftTools

struct DaemonOption: ParsableArguments {
  @Option(
    name: .customLong("socket"),
    help: ArgumentHelp("The daemon: path of its Unix socket, or host:port.", valueName: "address"))
  var address: String = DaemonAddress.standard.description

  /// - Throws: `ToolFailure(.usage)`.
  func parsed() throws(ToolFailure) -> DaemonAddress { try DaemonAddress(address) }
}
