import ArgumentParser
import FoundationEssentials
import Glibc
import Host
import Nodes
import SnapshotTree
import Store
import SystemPackage

struct Open: Verb {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Open a transaction on a node, for `call`, `close` and `abort`",
    discussion: """
      Prints the name of the transaction, such as t12. It stays open until it is closed or aborted, or no call has come \
      for an hour.
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @OptionGroup var sandbox: SandboxOptions
  @Option(
    help: ArgumentHelp("Discard the changes when no call has come for this long (s, m, h, d).", valueName: "time"))
  var timeout = IdleTime.usual
  @Option(help: .hidden) var attend: TransactionName?
  @Option(help: .hidden) var opener: String?
  @Argument(help: "The node to work in.") var node: NodeName

  var need: Need { attend == nil ? .writing : .root }
  var subject: NodeName? { node }
  var isFollowed: Bool { attend != nil }

  func perform(in context: Context) throws -> Report {
    if let attend, let opener { return try attended(as: attend.id, for: FilePath(opener), in: context) }
    let node = try context.node(self.node)
    let transaction = try context.store.open(node, options: options)
    context.output.events?.note(.began(transaction))
    return Report(
      text: "t\(transaction)", data: OpenReport(node: node, timeout: timeout.seconds), transaction: transaction)
  }

  /// The words for the attendant.
  private var options: [String] {
    let wait: [String] =
      switch global.wait {
      case .never: []
      case .seconds(let seconds): ["--wait=\(seconds)"]
      case .forever: ["--wait=forever"]
      }
    return ["--store", global.root.string] + wait + (sandbox.withoutNetwork ? ["--no-network"] : [])
      + ["--timeout", "\(timeout.seconds)s"]
  }

  /// Works as the attendant.
  private func attended(as number: OperationID, for opener: FilePath, in context: Context) throws -> Report {
    let (voice, report) = (AttendantVoice(), context.output.report)
    let store = try Store(
      opening: global.root, .writing, wait: global.wait, command: "ast open \(node)", reader: .files,
      report: { event in
        report(event)
        voice.report(event)
      }, warn: voice.warn)
    try store.attend(
      context.node(node), as: number, patience: .seconds(timeout.seconds), withNetwork: !sandbox.withoutNetwork,
      opener: opener, voice: voice)
    return Report(text: "", data: [String: String]())
  }
}

struct CallVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Run a command in an open transaction; its exit status is the command's own")
  static var needs: Need { .nothing }
  static var failureStatus: Int32? { 125 }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(help: ArgumentHelp("Set a variable of the command's environment.", valueName: "name=value"))
  var env: [EnvironmentVariable] = []
  @Argument(help: "The open transaction.", completion: Completion.open) var transaction: TransactionName
  @Argument(parsing: .postTerminator, help: "The command and its arguments.") var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else { throw ValidationError("a command to run in t\(transaction.id) is missing") }
  }

  func perform(in context: Context) throws -> Report {
    let status = try context.client(of: transaction).call(command, environment: env.map(\.text))
    return Report(text: "", data: ["status": status], transaction: transaction.id, status: status)
  }
}

struct Close: Verb {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Keep the changes of an open transaction as the node's next generation")

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The open transaction.", completion: Completion.open) var transaction: TransactionName

  var isFollowed: Bool { false }

  func perform(in context: Context) throws -> Report {
    context.output.events?.note(.began(transaction.id))
    let (outcome, warnings) = try context.client(of: transaction).close(context.output.report)
    warnings.forEach(context.output.warn)
    let generation: GenerationNumber?
    let words: String
    switch outcome.effect {
    case .committed(let number): (generation, words) = (number, "changes kept as generation \(number)")
    default: (generation, words) = (nil, "nothing was changed")
    }
    return Report(
      text: "t\(transaction.id): \(words)",
      data: ClosedReport(effect: generation == nil ? "unchanged" : "committed", generation: generation),
      transaction: transaction.id)
  }
}

struct Abort: Verb {
  static let configuration = CommandConfiguration(
    commandName: "abort", abstract: "Discard the changes of an open transaction, and end what runs in it")
  static var needs: Need { .root }

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Argument(help: "The open transaction.", completion: Completion.open) var transaction: TransactionName

  var isFollowed: Bool { false }

  func perform(in context: Context) throws -> Report {
    context.output.events?.note(.began(transaction.id))
    try context.client(of: transaction).abort().forEach(context.output.warn)
    return Report(
      text: "t\(transaction.id): changes discarded", data: ClosedReport(effect: "discarded", generation: nil),
      transaction: transaction.id)
  }
}

extension CallVerb {
  /// The call that a command line without options is, made without the parser, whose preparation takes longer than the
  /// call; nil if only the parser makes it.
  init?(plain words: ArraySlice<String>) {
    let rest = words.dropFirst()
    guard words.first == "call", let transaction = rest.first.flatMap(TransactionName.init),
      let program = rest.dropFirst().first,
      !program.hasPrefix("-")
    else { return nil }
    // In place: an assignment in an initializer makes the wrapper anew.
    var call = CallVerb()
    call.global = .plain
    call.env = []
    call.transaction = transaction
    call.command = Array(rest.dropFirst())
    self = call
  }
}

extension Context {
  /// Connects to the attendant of a transaction.
  fileprivate func client(of transaction: TransactionName) throws -> OpenTransactionClient {
    try OpenTransactionClient(transaction.id, in: global.root) {
      try Store(opening: global.root, .reading, command: command, reader: .files)
    }
  }
}

/// An opened transaction as `--json` shows it.
private struct OpenReport: Encodable {
  let node: NodeID
  let timeout: Int
}

/// The end of an open transaction as `--json` shows it.
private struct ClosedReport: Encodable {
  let effect: String
  @Nullable var generation: GenerationNumber?
}

/// A time span on the command line: a number followed by s, m, h or d.
struct IdleTime: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Int

  static let usual = IdleTime(seconds: 3600)

  private init(seconds: Int) { self.seconds = seconds }

  init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 24 * 3600]
    guard let unit = argument.last.flatMap({ units[$0] }), let count = Int32(argument.dropLast()), count > 0 else {
      return nil
    }
    seconds = Int(count) * unit
  }

  var description: String { seconds.isMultiple(of: 3600) ? "\(seconds / 3600)h" : "\(seconds)s" }
}

/// A variable on the command line.
struct EnvironmentVariable: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    text = argument
  }
}
