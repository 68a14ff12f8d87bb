// siftctl, the command line of siftd: the root command and the way every command ends.

import ArgumentParser
import SiftCore
import SiftTools

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@main
struct Siftctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siftctl",
    abstract: "Talk to siftd, and do its work by hand.",
    discussion: """
      Some commands ask a running daemon (status, energy, compare, generate --socket), the others work alone.

      Exit statuses:
      \(ExitStatus.table)
      """,
    version: SiftVersion.current,
    // One line a command, in alphabetical order; each lives in a file of its own in Commands/.
    subcommands: [
      CalibrateCommand.self,
      CalibrateRadioCommand.self,
      CertsCommand.self,
      CompareCommand.self,
      DemoCommand.self,
      EnergyCommand.self,
      EvalCommand.self,
      GenerateCommand.self,
      LinksCommand.self,
      RailsCommand.self,
      SelectCommand.self,
      StatusCommand.self,
      StudyCommand.self,
    ])

  /// Runs the command. A `ToolFailure` becomes one line on standard error and its exit status; whatever else is
  /// thrown is argument-parser's to say.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as ToolFailure {
      StandardError.write("siftctl: \(failure.message)\n")
      Glibc.exit(failure.status.rawValue)
    } catch {
      exit(withError: error)
    }
  }
}
