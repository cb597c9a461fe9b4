/// A span of each day, such as 02:00-05:00. One whose end comes before its start goes over midnight.
public struct DayWindow: Sendable, Equatable {
  /// The minute of the day that it begins with.
  public let start: Int
  /// The minute of the day that is not in it any more.
  public let end: Int

  /// Reads two times with a hyphen between them; nil for anything else, and where they are the same.
  public init?(_ text: String) {
    let times = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.minute)
    guard times.count == 2, let start = times[0], let end = times[1], start != end else { return nil }
    (self.start, self.end) = (start, end)
  }

  /// Whether a minute of the day is in it.
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
