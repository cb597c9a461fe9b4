import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The options every verb has.
struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The store's directory (default: AST_STORE, else /.snapshots).", valueName: "dir"))
  var store: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print results and errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation.")
  var yes = false

  @Option(
    help: ArgumentHelp(
      "Wait for nodes that others are working on (`forever`, or without a number: no limit).", valueName: "seconds"))
  var wait: LockWait = .never

  @Option(
    help: ArgumentHelp("Report progress on standard error, as one object of `json` a line.", valueName: "format"))
  var progress: ProgressFormat?

  @Option(
    name: .customLong("progress-fd"),
    help: ArgumentHelp("Report progress as JSON on this open descriptor instead.", valueName: "number"))
  var progressDescriptor: Int32?

  @Flag(name: .customLong("chroot"), help: "Run even inside a sandbox of ast.")
  var inSandbox = false

  /// The store's directory.
  var root: FilePath {
    if let store { return FilePath(store) }
    let inherited = getenv("AST_STORE").map { FilePath(platformString: $0) }
    return inherited.flatMap { $0.isEmpty ? nil : $0 } ?? FilePath(Self.usualRoot)
  }

  /// The store of an installed system.
  static let usualRoot = "/.snapshots"

  func validate() throws {
    guard store != "" else { throw ValidationError("the store's directory has no name") }
    guard let progressDescriptor else { return }
    let mode = fcntl(progressDescriptor, F_GETFL)
    guard mode >= 0, mode & O_ACCMODE != O_RDONLY else {
      throw ValidationError("--progress-fd: descriptor \(progressDescriptor) is not open for writing")
    }
  }

  /// The events of a command; made once, before anything is opened.
  func events(of command: String) -> EventStream {
    EventStream(on: progressDescriptor ?? progress.map { _ in STDERR_FILENO }, of: command, store: root)
  }
}

/// A format for programs that follow the progress.
enum ProgressFormat: String, ExpressibleByArgument, CaseIterable {
  case json
}

extension LockWait: ExpressibleByArgument {
  /// Reads `forever` or a number of seconds. A number that the clock does not have stands for 30 years.
  public init?(argument: String) {
    if argument == "forever" {
      self = .forever
    } else if let seconds = Double(argument), seconds >= 0, seconds.isFinite {
      self = .seconds(min(seconds, 1e9))
    } else {
      return nil
    }
  }

  /// The default, as the help shows it.
  public var defaultValueDescription: String { "do not wait" }
}
