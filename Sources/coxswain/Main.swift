import ArgumentParser
import Glibc

/// Runs the command line and turns every failure into the exit code of the command contract.
@main
enum Main {
  static func main() async {
    StandardStreams.prepare()
    do {
      var command = try Coxswain.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      failure.print()
      exit(failure.status.rawValue)
    } catch  where Coxswain.exitCode(for: error) == .validationFailure {
      let line = UsageLine.text(error, arguments: Array(CommandLine.arguments.dropFirst()))
      CommandFailure(.usage, line).print()
      exit(ExitStatus.usage.rawValue)
    } catch {
      Coxswain.exit(withError: error)
    }
  }
}
