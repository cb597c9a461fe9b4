import ArgumentParser
import Etc
import Nodes
import SnapshotTree

extension NodeName: ExpressibleByArgument {
  /// Reads a number, a tag or a description.
  public init?(argument: String) { self.init(argument) }

  /// The completions that a shell offers.
  public static var defaultCompletionKind: CompletionKind { Completion.nodes }
}

extension GenerationName: ExpressibleByArgument {
  /// Reads a node, `NODE@n`, `NODE@-k` or a tag.
  public init?(argument: String) { self.init(argument) }

  /// The completions that a shell offers.
  public static var defaultCompletionKind: CompletionKind { Completion.generations }
}

extension GenerationNumber: ExpressibleByArgument {
  /// Reads a number.
  public init?(argument: String) { self.init(argument) }
}

/// A transaction as it is written: `t17`. A bare number could be a node's.
struct TransactionName: ExpressibleByArgument {
  let id: OperationID

  /// Reads the letter and a number.
  init?(argument: String) {
    guard argument.hasPrefix("t"), let id = OperationID(argument.dropFirst()) else { return nil }
    self.id = id
  }

  /// The completions that a shell offers.
  static var defaultCompletionKind: CompletionKind { Completion.commands }
}

extension DeploymentID: ExpressibleByArgument {
  /// Reads a number, with or without the letter that tells it from others: `d3`.
  public init?(argument: String) { self.init(argument.hasPrefix("d") ? String(argument.dropFirst()) : argument) }

  /// The completions that a shell offers.
  public static var defaultCompletionKind: CompletionKind { Completion.deployments }
}

extension EtcMode: ExpressibleByArgument {}

/// A description given as the words that follow the node.
struct DescriptionArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("A description in your own words.", valueName: "description"))
  var words: [String] = []

  /// The words as one text, or `otherwise` if there are none.
  func description(otherwise: String) throws -> Description {
    try Description(words.isEmpty ? otherwise : words.joined(separator: " "))
  }
}
