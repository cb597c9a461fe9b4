import Host
import Nodes

/// The command line as it was typed, and as the parser gets it.
struct CommandLineArguments {
  /// The command line as it was typed: for the history, and for commands that wait for our locks.
  let typed: String
  /// The words for the parser.
  private(set) var words: [String]

  /// Reads the process's arguments.
  ///
  /// - Throws: `AstError` if they are missing (in a chroot without /proc) or not UTF-8.
  init() throws {
    try Self.requireText()
    try self.init(Array(CommandLine.arguments.dropFirst()))
  }

  /// Ensures that the process has arguments, and that they are text.
  static func requireText() throws {
    guard CommandLine.argc > 0 else {
      throw AstError(.failed, "there is no command line: is /proc mounted?")
    }
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) != nil else {
        throw AstError(.usage, "argument \(index) is not valid UTF-8", state: .unchanged)
      }
    }
  }

  /// Prepares arguments for the parser: `--wait` gets its seconds, or no limit, the node after `-N` becomes the first
  /// operand, and all words after the node of `run` and `tree-run`, including options, belong to the program.
  init(_ typed: [String]) throws {
    self.typed = (["ast"] + typed).map(\.quotedForShell).joined(separator: " ")
    words = typed
    guard !Self.isOfShell(words) else { return }
    words = try WaitOption.joined(in: words)
    guard let verb = nextOperand(after: -1) else { return }
    let explained = words[verb] == "help" ? nextOperand(after: verb) : nil
    for index in [verb, explained].compactMap(\.self) where !Ast.verbs.contains(words[index]) {
      let meant = Spelling.nearest(to: words[index], in: Ast.verbs.sorted()) { $0 }
      throw AstError(
        .usage, "there is no verb \(words[index])",
        hint: meant.map { "did you mean `ast \($0)`?" } ?? "`ast help` lists the verbs")
    }
    words = try NodeOption.placed(in: words, verb: verb)
    if Self.runsPrograms.contains(words[verb]), let subject = nextOperand(after: verb) {
      let last = words[verb] == "call" ? endOfVariables(after: subject) : subject
      if words.count > last + 1, words[last + 1] != "--" { words.insert("--", at: last + 1) }
    }
    // The parser would take a negative number for an option, and report a missing node.
    let operands = words[verb...].prefix { $0 != "--" }
    guard operands.contains(where: \.isNegativeNumber) else { return }
    let withValues = Self.optionsWithValues.union(try VerbGrammar(of: words[verb])?.optionsWithValues ?? [])
    for index in operands.indices.dropFirst().reversed() where words[index].isNegativeNumber {
      guard withValues.contains(words[index - 1]) else {
        throw AstError(
          .usage, "\(words[index]) is not a node: nodes are numbered 0, 1, 2 and so on",
          hint: "put text that begins with a minus sign after `--`")
      }
      // The verb says what is wrong with the value.
      guard words[index - 1].hasPrefix("--") else { continue }
      words[index - 1] += "=\(words.remove(at: index))"
    }
  }

  /// Whether errors are printed as JSON, including those of the parser.
  var wantsJSON: Bool { Self.wantJSON(words) }

  /// The same for words that have not been checked.
  static func wantJSON(_ words: [String]) -> Bool { words.prefix { $0 != "--" }.contains("--json") }

  /// Whether a shell asks for completions, which the parser answers (`CompletionsGenerator.swift` of
  /// swift-argument-parser).
  private static func isOfShell(_ words: [String]) -> Bool {
    ["---completion", "--generate-completion-script"].contains(words.first)
  }

  private static let runsPrograms: Set = ["run", "tree-run", "trun", "call"]
  /// The options whose value may be the next word, and may stand before the verb or be negative.
  static let optionsWithValues: Set = ["--store", "--progress", "--progress-fd", "--to", "--limit", "--env"]

  /// The index of the last word of the variables that follow the transaction of `call`.
  private func endOfVariables(after index: Int) -> Int {
    var last = index
    while last + 1 < words.count, words[last + 1] == "--env" || words[last + 1].hasPrefix("--env=") {
      last += words[last + 1] == "--env" ? 2 : 1
    }
    return min(last, words.count - 1)
  }

  private func nextOperand(after index: Int) -> Int? {
    var index = index + 1
    while index < words.count {
      if words[index] == "--" { return nil }
      if Self.optionsWithValues.contains(words[index]) {
        index += 2
      } else if words[index].hasPrefix("-"), words[index] != "-" {
        index += 1
      } else {
        return index
      }
    }
    return nil
  }
}

extension String {
  /// The word, quoted for a shell if necessary.
  var quotedForShell: String {
    let plain =
      !isEmpty
      && utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || "0123456789_-+=:,./@%".utf8.contains(byte)
      }
    return plain ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  fileprivate var isNegativeNumber: Bool {
    hasPrefix("-") && count > 1 && dropFirst().allSatisfy { $0.isASCII && $0.isNumber }
  }
}
