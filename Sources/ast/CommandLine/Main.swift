import ArgumentParser
import Glibc
import Host
import SystemPackage

/// Parses the command line, runs the verb, and ends with its exit status.
@main
enum Main {
  static func main() {
    do {
      exit(try run(CommandLineArguments()))
    } catch let error as AstError {
      Output(json: CommandLineArguments.wantJSON(CommandLine.arguments), quiet: false).fail(error)
      exit(error.exitStatus)
    } catch {
      FileDescriptor.standardError.tell("ast: \(error)")
      exit(1)
    }
  }

  private static func run(_ arguments: CommandLineArguments) throws -> Int32 {
    do {
      var command = try Ast.command(arguments.words)
      if let verb = command as? any Verb { return verb.execute(as: arguments.typed) }
      // `ast help` throws the help text.
      try command.run()
      return 0
    } catch let error where Ast.exitCode(for: error).isSuccess {
      try FileDescriptor.standardOutput.writeLine(Ast.fullMessage(for: error))
      return 0
    } catch {
      let hint = "`ast help` lists the verbs, `ast help VERB` explains one"
      let usage = error as? AstError ?? AstError(.usage, Ast.message(for: error), hint: hint)
      Output(json: arguments.wantsJSON, quiet: false).fail(usage)
      return usage.exitStatus
    }
  }
}
