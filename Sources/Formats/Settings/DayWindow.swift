/// A span of each day, such as 02:00-05:00. A span whose end comes before its start crosses midnight.
public struct DayWindow: Sendable, Equatable {
  /// The first minute of the day in the span.
  public let start: Int
  /// The first minute of the day after the span.
  public let end: Int

  /// Reads two times with a hyphen between them; nil for anything else, and if they are the same.
  public init?(_ text: String) {
    let times = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.minute)
    guard times.count == 2, let start = times[0], let end = times[1], start != end else { return nil }
    (self.start, self.end) = (start, end)
  }

  /// Whether a minute of the day is in the span.
  public func contains(_ minute: Int) -> Bool {
    start < end ? (start..<end).contains(minute) : minute >= start || minute < end
  }

  private static func minute(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let hasDigits = parts.allSatisfy { $0.utf8.count == 2 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    guard parts.count == 2, hasDigits,
      let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
    else { return nil }
    return hour * 60 + minute
  }
}
