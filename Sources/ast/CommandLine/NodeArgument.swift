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

extension TagName: ExpressibleByArgument {
  /// Reads a tag.
  public init?(argument: String) { self.init(argument) }
}

extension GenerationNumber: ExpressibleByArgument {
  /// Reads a number.
  public init?(argument: String) { self.init(argument) }
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
