// siftctl select: a selection problem in, a decision out.

import ArgumentParser
import SiftPolicy
import SiftTools

struct SelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Decide one selection problem given as JSON.",
    discussion: """
      Reads a problem (docs/formats/select.md), decides it with the daemon's own code and prints the answer as one line
      of JSON. Needs no model, no network and no daemon. A malformed problem ends with status 64 and one line that
      names the field.
      """)

  @Argument(help: "The problem; - for standard input.")
  var file: String

  @Option(help: ArgumentHelp("Decide with another policy: \(PolicyName.list).", valueName: "name"))
  var policy: String?

  func run() throws {
    let (answer, remarks) = try SelectTool.run(path: file, policy: policy)
    for remark in remarks { StandardError.write("siftctl: \(remark)\n") }
    try StandardOutput.write(answer)
  }
}
