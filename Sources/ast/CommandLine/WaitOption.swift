import Host

/// `--wait` and the word after it: the seconds, if it is a number. A number that could also be the node is refused.
enum WaitOption {
  /// A number after `--wait`, in a command line with these operands.
  private struct Seconds {
    /// The index of the joined word.
    let index: Int
    let number: String
    /// How many operands of the verb stand before it.
    let operandsBefore: Int
  }

  /// Joins `--wait` and its seconds into one word. Without a number after it, there is no limit.
  ///
  /// - Throws: `AstError` (usage) if the number stands where a node is missing.
  static func joined(in words: [String]) throws -> [String] {
    guard words.contains("--wait") else { return words }
    var rest = words[...]
    var joined: [String] = []
    var verb: VerbGrammar?
    var operands: [String]?
    var found: [Seconds] = []
    while let word = rest.popFirst() {
      joined.append(word)
      if word == "--" { break }
      if word == "--wait" {
        let number = rest.first.flatMap { Double($0)?.isFinite == true ? rest.popFirst() : nil }
        joined[joined.count - 1] = "--wait=\(number ?? "forever")"
        if let number, let operands {
          found.append(Seconds(index: joined.count - 1, number: number, operandsBefore: operands.count))
        }
      } else if CommandLineArguments.optionsWithValues.contains(word) || verb?.optionsWithValues.contains(word) == true
      {
        if let value = rest.popFirst() { joined.append(value) }
      } else if !word.hasPrefix("-") || word == "-" {
        guard operands != nil else {
          (verb, operands) = (try VerbGrammar(of: word), [])
          continue
        }
        operands?.append(word)
        // What follows belongs to the program.
        if verb?.runsPrograms == true { break }
      }
    }
    joined += rest
    guard let verb, let operands else { return joined }
    if let option = verb.alternative, joined.contains(where: { $0 == option || $0.hasPrefix("\(option)=") }) {
      return joined
    }
    for seconds in found { try require(seconds, toBeSecondsIn: joined, operands, of: verb) }
    return joined
  }

  private static func require(
    _ seconds: Seconds, toBeSecondsIn words: [String], _ operands: [String], of verb: VerbGrammar
  ) throws {
    let place = seconds.operandsBefore
    guard place < verb.required.count else { return }
    let isLast = operands.count < verb.required.count
    // With more words, one of them may look like the node: `install --wait 3 nginx`.
    guard isLast || verb.takesMore && Double(operands[place]) == nil else { return }
    let name = verb.required[place]
    func typed(_ replacement: [String]) -> String {
      (["ast"] + words[..<seconds.index] + replacement + words[(seconds.index + 1)...]).map(\.quotedForShell)
        .joined(separator: " ")
    }
    let asSeconds = typed([words[seconds.index], name.uppercased()])
    let asOperand = typed(["--wait=forever", seconds.number])
    throw AstError(
      .usage, "`--wait \(seconds.number)`: \(seconds.number) may be the seconds or the <\(name)>", state: .unchanged,
      hint: "type `\(asSeconds)` or `\(asOperand)`")
  }
}
