/// Arranges the help that the parser writes for a screen of 80 columns.
enum HelpText {
  /// The heading over the options that every verb has.
  static let general = "Options of every verb"

  /// The help in the words of the manual, with a short line of usage, which the parser would break inside words. The
  /// list of the verbs has the options of every verb, behind them; the help for a verb says where they are.
  static func arranged(_ help: String) -> String {
    var lines = help.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("USAGE: ") ? shortUsage(String(line)) : String(line)
    }
    guard let start = lines.firstIndex(of: "\(general.uppercased()):") else { return lines.joined(separator: "\n") }
    let end = lines[start...].firstIndex(of: "").map { $0 + 1 } ?? lines.endIndex
    let section = Array(lines[start..<end])
    lines.removeSubrange(start..<end)
    while lines.last == "" { lines.removeLast() }
    let isOfAllVerbs = lines.last == "  See 'ast help <subcommand>' for detailed help."
    guard isOfAllVerbs else {
      return (lines + ["", "\(general), such as --json and --yes: see `ast help`."]).joined(separator: "\n")
    }
    lines.removeLast()
    while lines.last == "" { lines.removeLast() }
    let verbs = lines.map { $0.replacing(" SUBCOMMANDS:", with: " VERBS:") }
    return (verbs + [""] + section + ["  See 'ast help <verb>' for detailed help."]).joined(separator: "\n")
  }

  /// The options are explained below the line of usage, so it names none of them.
  private static func shortUsage(_ line: String) -> String {
    guard line.contains(" [-") else { return line.replacing(" <options>", with: " [<options>]") }
    let parts = line.split(separator: " [")
    let operands = parts.dropFirst().map { $0.hasPrefix("-") ? $0.drop { $0 != "]" }.dropFirst() : " [\($0)" }
    return "\(parts[0]) [<options>]\(operands.joined())"
  }
}
