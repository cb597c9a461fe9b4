import Host

/// `-N` and the word after it: the node of a verb that takes words of its own, which may then stand anywhere before them.
enum NodeOption {
  /// Makes the node after `-N` the first operand of the verb. Verbs that have such an option of their own, and those
  /// without a node or without words, stay as they are.
  ///
  /// - Parameter verb: the index of the verb.
  /// - Throws: `AstError` (usage) if no node follows.
  static func placed(in words: [String], verb: Int) throws -> [String] {
    guard let option = words[verb...].prefix(while: { $0 != "--" }).firstIndex(of: "-N"),
      let grammar = try VerbGrammar(of: words[verb]), !grammar.optionsWithValues.contains("-N"),
      grammar.required.first == "node", grammar.takesMore
    else { return words }
    // The first operand of these is the node, so what follows it is the program's.
    if grammar.runsPrograms, words[verb..<option].dropFirst().contains(where: { !$0.hasPrefix("-") }) { return words }
    guard option + 1 < words.count, words[option + 1] != "--" else {
      throw AstError(.usage, "Missing value for '-N <node>'")
    }
    var words = words
    let node = words[option + 1]
    words.removeSubrange(option...(option + 1))
    words.insert(node, at: verb + 1)
    return words
  }
}
