import ArgumentParser
import FoundationEssentials

/// The operands and options of a verb, as the parser describes them.
struct VerbGrammar {
  /// The names of the operands that must be given, such as `node`.
  let required: [String]
  /// The option that takes their place.
  let alternative: String?
  /// Whether any number of words may follow them.
  let takesMore: Bool
  /// Whether the words after the node are a program.
  let runsPrograms: Bool
  /// The options whose value may be the next word.
  let optionsWithValues: Set<String>

  /// The grammar of the verb with this name; nil if there is none.
  init?(of name: String) throws {
    guard let verb = Ast.verb(named: name) else { return nil }
    let arguments = try JSONDecoder().decode(Dump.self, from: Data(verb._dumpHelp().utf8)).command.arguments ?? []
    let operands = arguments.filter { $0.kind == "positional" }
    // Without its node, `deploy` works on the trial that runs; that is rare.
    let isNeeded = verb == Deploy.self || verb == Undo.self
    required = operands.filter { !$0.isRepeating && (!$0.isOptional || isNeeded) }.map { $0.valueName ?? "operand" }
    alternative = verb == Undo.self ? "--operation" : nil
    takesMore = operands.contains(where: \.isRepeating)
    runsPrograms = verb == Run.self || verb == TreeRun.self || verb == CallVerb.self
    optionsWithValues = Set(arguments.filter { $0.kind == "option" }.flatMap { $0.names ?? [] }.map(\.word))
  }

  /// The part of what the parser prints with `--experimental-dump-help`.
  private struct Dump: Decodable {
    let command: Command

    struct Command: Decodable { let arguments: [Argument]? }

    struct Argument: Decodable {
      let kind: String
      let isOptional: Bool
      let isRepeating: Bool
      let names: [Name]?
      let valueName: String?
    }

    struct Name: Decodable {
      let kind: String
      let name: String

      var word: String { (kind == "long" ? "--" : "-") + name }
    }
  }
}
