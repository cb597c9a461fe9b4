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
}
