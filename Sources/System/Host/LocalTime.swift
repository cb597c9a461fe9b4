public import FoundationEssentials
import Glibc

/// A time as people read it: in the time zone of this machine, or of `TZ`.
public enum LocalTime {
  /// Such as `2026-12-01 23:05`.
  public static func text(_ date: Date) -> String {
    var (seconds, parts) = (time_t(clampingSeconds: date), tm())
    let size = 64
    var text = [CChar](repeating: 0, count: size)
    guard localtime_r(&seconds, &parts) != nil else { return date.formatted(.iso8601) }
    let count = strftime(&text, size, "%Y-%m-%d %H:%M", &parts)
    return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension time_t {
  /// Whole seconds since 1970, or the farthest ones that there are.
  fileprivate init(clampingSeconds date: Date) {
    let seconds = date.timeIntervalSince1970.rounded(.down)
    self = time_t(exactly: seconds) ?? (seconds < 0 ? .min : .max)
  }
}
