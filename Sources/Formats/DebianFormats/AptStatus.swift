/// A line of apt's progress, as `APT::Status-Fd` gives it (README.progress-reporting in apt's sources).
public enum AptStatus: Sendable, Equatable {
  /// Fetching: the part that is fetched, in percent.
  case fetching(percent: Double, what: String)
  /// Working on a package: the progress of the whole work, in percent.
  case working(package: String, percent: Double, what: String)
  /// A package failed.
  case failed(package: String, reason: String)

  /// Reads a line; nil if it does not report progress.
  public init?(_ line: String) {
    let fields = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    guard fields.count >= 4 else { return nil }
    // A colon also precedes an architecture, and can occur in the message.
    switch fields[0] {
    case "dlstatus":
      guard let percent = Self.percentage(fields[2]) else { return nil }
      self = .fetching(percent: percent, what: fields[3])
    case "pmstatus", "pmerror":
      guard let (package, percent, text) = Self.packageFields(line) else { return nil }
      self =
        fields[0] == "pmerror"
        ? .failed(package: package, reason: text) : .working(package: package, percent: percent, what: text)
    default: return nil
    }
  }

  /// A percentage. Programs of a node can print any number, and things that are none.
  private static func percentage(_ text: some StringProtocol) -> Double? {
    Double(text).flatMap { $0.isFinite ? min(max($0, 0), 100) : nil }
  }

  /// The package with or without an architecture, the percentage, and the rest.
  private static func packageFields(_ line: String) -> (String, Double, String)? {
    let fields = line.split(separator: ":", omittingEmptySubsequences: false)
    for place in 2...3 where fields.count > place + 1 {
      guard let percent = percentage(fields[place]) else { continue }
      return (
        fields[1..<place].joined(separator: ":"), percent, fields[(place + 1)...].joined(separator: ":")
      )
    }
    return nil
  }
}
