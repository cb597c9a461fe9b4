import ArgumentParser
import Glibc
import Host
import Live
import SystemPackage

/// Parses the command line, runs the verb, and ends with its exit status.
@main
enum Main {
  static func main() {
    openStandardDescriptors()
    if let status = Covered.run() { exit(status) }
    // The same command makes the same node, whatever the administrator's umask is. Programs in a node have this one, too.
    umask(0o022)
    completeSearchPath()
    do {
      if let status = try BootEtc.run(atStart: CommandLine.arguments) { exit(status) }
      exit(try run())
    } catch let error as AstError {
      Output(json: CommandLineArguments.wantJSON(CommandLine.arguments), quiet: false).fail(error)
      exit(error.exitStatus)
    } catch {
      FileDescriptor.standardError.tell("ast: \(error)")
      exit(1)
    }
  }

  /// The PATH of cron(8) and of su(1) without a dash has no mkfs.btrfs in it, and some programs have no PATH at all. What
  /// the administrator has comes first, except that no program is one that ast covers.
  private static func completeSearchPath() {
    let present = getenv("PATH").map { String(cString: $0).split(separator: ":") } ?? []
    let usual: [Substring] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    let words = CoveredPrograms.searchPath.map { $0[...] } + present + usual.filter { !present.contains($0) }
    setenv("PATH", words.joined(separator: ":"), 1)
  }

  /// A standard descriptor that is closed becomes /dev/null: a file that ast opens must not take its place, because what
  /// is meant for the descriptor would be written there.
  private static func openStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free one is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  private static func run() throws -> Int32 {
    let words = CommandLine.arguments.dropFirst()
    if words.count == 1, let verb = words.first.flatMap(Ast.plainVerb) { return verb.execute(as: "ast \(words[1])") }
    if let call = CallVerb(plain: words) {
      try CommandLineArguments.requireText()
      return call.execute(as: "ast call t\(call.transaction.id)")
    }
    return try run(CommandLineArguments())
  }

  private static func run(_ arguments: CommandLineArguments) throws -> Int32 {
    if arguments.wantsJSON { Output.endAtOnceWithJSON(on: .standardOutput) }
    do {
      var command = try Ast.command(arguments.words)
      if let verb = command as? any Verb { return verb.execute(as: arguments.typed) }
      // `ast help` throws the help text.
      try command.run()
      return 0
    } catch let error where Ast.exitCode(for: error).isSuccess {
      try FileDescriptor.standardOutput.writeLine(
        HelpText.arranged(Ast.fullMessage(for: error)) + Completion.supplement(to: arguments.words))
      return 0
    } catch {
      let hint = "`ast help` lists the verbs, `ast help VERB` explains one"
      let usage = error as? AstError ?? AstError(.usage, Ast.message(for: error), hint: hint)
      Output(json: arguments.wantsJSON, quiet: false).fail(usage)
      return usage.exitStatus
    }
  }
}
