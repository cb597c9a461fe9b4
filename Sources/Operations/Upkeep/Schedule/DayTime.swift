import Glibc

/// The time of the day, in minutes since midnight, local time.
public enum DayTime {
  /// Now.
  public static func now() -> Int {
    var (seconds, parts) = (time(nil), tm())
    localtime_r(&seconds, &parts)
    return Int(parts.tm_hour) * 60 + Int(parts.tm_min)
  }

  /// As 02:30.
  public static func text(_ minute: Int) -> String { "\(two(minute / 60)):\(two(minute % 60))" }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
