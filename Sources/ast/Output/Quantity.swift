import FoundationEssentials

/// Numbers in a form for people.
enum Quantity {
  /// Bytes in powers of 1024, with at most three digits.
  static func bytes(_ count: Int64) -> String {
    var value = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1000 { return text(value, unit) }
      value /= 1024
    }
    return text(value, "TiB")
  }

  private static func text(_ value: Double, _ unit: String) -> String {
    if unit == "B" || value >= 10 { return "\(Int(value.rounded())) \(unit)" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(unit)"
  }

  /// The time span in the largest unit of which it has at least two.
  static func age(from start: Date, to end: Date) -> String {
    let seconds = max(0, Int(end.timeIntervalSince(start)))
    let units = [("s", 1), ("min", 60), ("h", 3600), ("days", 86400), ("weeks", 604800), ("months", 2_629_800)]
    let unit = units.last { seconds >= 2 * $0.1 } ?? units[0]
    return "\(seconds / unit.1) \(unit.0)"
  }
}
