import SystemPackage
import TestSupport

/// What is measured, as the command line says.
struct Options {
  /// How much is measured.
  enum Size: String { case quick, usual, full }

  private(set) var size = Size.usual
  /// Another program, which is measured in turns with this one.
  private(set) var against: FilePath?
  /// Where the figures are written.
  private(set) var json: FilePath?
  /// The benchmarks that are run; empty: all of them.
  private(set) var names: [String] = []

  static let usage = """
    usage: Benchmarks [--quick | --full] [--against BINARY] [--json FILE] [NAME...]
    """

  init(_ words: [String]) throws {
    var words = words[...]
    while let word = words.popFirst() {
      switch word {
      case "--quick": size = .quick
      case "--full": size = .full
      case "--against", "--json":
        guard let value = words.popFirst() else { throw Refusal("\(word) needs a value\n\(Self.usage)") }
        if word == "--json" { json = FilePath(value) } else { against = FilePath(value) }
      case _ where word.hasPrefix("-"): throw Refusal("there is no option \(word)\n\(Self.usage)")
      default: names.append(word)
      }
    }
  }

  /// How many turns: at least three.
  func turns(_ usual: Int) -> Int {
    switch size {
    case .quick: max(3, usual / 5)
    case .usual: usual
    case .full: usual * 2
    }
  }
}
