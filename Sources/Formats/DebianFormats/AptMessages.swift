/// What apt and dpkg print for people, as one sentence.
public enum AptMessages {
  /// The errors among the lines of standard error, or all lines if none is marked as an error.
  public static func sentence(_ said: String) -> String {
    let lines = said.split(separator: "\n").map { $0.trimmingPrefix(while: { $0 == " " }) }
    let errors = lines.filter { $0.hasPrefix("E: ") }.map { $0.dropFirst(3) }
    let told = (errors.isEmpty ? lines : errors).filter { !$0.isEmpty }
    return told.isEmpty ? "it gave no reason" : told.joined(separator: "; ")
  }

  /// The errors and warnings in the output of apt and dpkg; nil if there are none.
  public static func marked(in output: String) -> String? {
    let marks = ["E: ", "W: ", "dpkg: "]
    let lines = output.split(separator: "\n").filter { line in marks.contains { line.hasPrefix($0) } }
    return lines.isEmpty ? nil : lines.suffix(3).joined(separator: "; ")
  }

  /// The dependencies that apt cannot meet, as it lists them on standard output: its errors say only that there are some.
  public static func unmetDependencies(in output: String) -> String? {
    let lines = output.split(separator: "\n").drop { !$0.hasPrefix("The following packages have unmet dependencies") }
    let unmet = lines.dropFirst().prefix { $0.hasPrefix(" ") }.map { $0.split(separator: " ").joined(separator: " ") }
      .filter { !$0.isEmpty }
    return unmet.isEmpty ? nil : unmet.joined(separator: "; ")
  }

  /// The packages that were installed automatically and that nothing needs, as apt lists them on standard output.
  public static func unneeded(in output: String) -> [String] {
    let headings = ["was automatically installed and is", "were automatically installed and are"]
      .map { "\($0) no longer required:" }
    let lines = output.split(separator: "\n").drop { line in !headings.contains { line.hasSuffix($0) } }
    return lines.dropFirst().prefix { $0.hasPrefix("  ") }.flatMap { $0.split(separator: " ") }.map(String.init)
  }

  /// The two decisions that contradict each other, and why they were made, as apt's newer solver gives them on standard
  /// error, in numbered lines below its error; nil if it gives none.
  public static func conflict(in said: String) -> String? {
    let lines = said.split(separator: "\n").drop { !$0.contains("Unable to satisfy dependencies") }
    var decisions: [(text: String, reasons: [String])] = []
    for line in lines.dropFirst() {
      let indent = line.prefix { $0 == " " }.count
      let text = String(line.dropFirst(indent))
      guard indent > 0 else { break }
      guard text.first?.isNumber == true, indent <= 3 else {
        decisions.indices.last.map { decisions[$0].reasons.append(unnumbered(text)) }
        continue
      }
      decisions.append((text, []))
    }
    return decisions.isEmpty ? nil : decisions.map(words).joined(separator: "; ")
  }

  /// A decision with the reasons in parentheses.
  private static func words(_ decision: (text: String, reasons: [String])) -> String {
    let because = " because:"
    let isExplained = decision.text.hasSuffix(because)
    let text = isExplained ? String(decision.text.dropLast(because.count)) : decision.text
    guard !decision.reasons.isEmpty else { return text }
    let reasons = decision.reasons.joined(separator: "; ").replacing(":; ", with: ": ")
    return "\(text) (\(isExplained ? "because " : "")\(reasons))"
  }

  private static func unnumbered(_ text: String) -> String {
    let rest = text.drop { $0.isNumber }
    return rest.count < text.count && rest.hasPrefix(". ") ? String(rest.dropFirst(2)) : text
  }
}
