import Glibc
import Sandbox
import SystemPackage

/// Runs one program in a sandbox as a caller with a terminal does, for the tests that need a process of their own to send signals to.
///
///     sandbox-driver [--no-services] [--isolated] [--network PASTA [--port NUMBER]... [--refused ADDRESS]...] [--keep-sync] [--bind SOURCE:TARGET]... [--group DIRECTORY] [--signals-blocked] [--report FILE] ROOT PROGRAM [ARGUMENT]...
///
/// Exits with the program's status; a last line on standard error, or in FILE, tells of an interruption or a failure.
/// `--signals-blocked` blocks SIGTERM and waits for it to be pending before the run.
@main
struct Driver {
  static func main() {
    var words = CommandLine.arguments.dropFirst()
    var report = FileDescriptor.standardError
    var sandbox = Sandbox(root: "/")
    var plan: UserNetwork.Plan?
    sandbox.environment["TERM"] = "dumb"
    sandbox.environment["PS1"] = "INSIDE> "
    while let word = words.first, word.hasPrefix("--") {
      words.removeFirst()
      switch word {
      case "--no-services": sandbox.startsServices = false
      case "--isolated": sandbox.network = .isolated
      case "--network": plan = UserNetwork.Plan(pasta: FilePath(words.removeFirst()), user: 61_990, group: 61_990)
      case "--port": plan?.loopbackPorts.append(Int(words.removeFirst()) ?? 0)
      case "--refused": plan?.refused += [AddressPrefix(words.removeFirst())].compactMap(\.self)
      case "--keep-sync": sandbox.suppressesSync = false
      case "--bind":
        let parts = words.removeFirst().split(separator: ":").map { FilePath(String($0)) }
        sandbox.binds.append(.init(parts[0], at: parts[1]))
      case "--group": sandbox.limits.parent = FilePath(words.removeFirst())
      case "--signals-blocked": awaitPendingSignal()
      case "--report":
        let file = open(words.removeFirst(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        report = FileDescriptor(rawValue: file)
      default: fail("unknown option \(word)", 2)
      }
    }
    guard let root = words.popFirst() else { fail("no root given", 2) }
    sandbox.root = FilePath(root)
    if let plan { join(plan, &sandbox) }
    do {
      let result = try sandbox.run(Array(words))
      for skipped in result.skippedBinds { say(to: report, "skipped \(skipped.target): \(skipped.reason)") }
      if let signal = result.interruption { say(to: report, "interrupted by \(signal)") }
      exit(result.end.status)
    } catch {
      fail("\(error)", error.status ?? 125)
    }
  }

  private static func join(_ plan: UserNetwork.Plan, _ sandbox: inout Sandbox) {
    let network = UserNetwork { plan }
    do { try network.started() } catch { fail("no network: \(error)", 125) }
    sandbox.network = .joined(network)
  }

  private static func awaitPendingSignal() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    say("blocked")
    repeat {
      usleep(1000)
      sigpending(&signals)
    } while sigismember(&signals, SIGTERM) == 0
  }

  private static func say(to stream: FileDescriptor = .standardError, _ text: String) {
    _ = try? stream.writeAll("driver: \(text)\n".utf8)
  }

  private static func fail(_ text: String, _ status: Int32) -> Never {
    say(text)
    exit(status)
  }
}
