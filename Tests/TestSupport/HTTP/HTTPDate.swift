import Glibc

/// A time in seconds since 1970, in the form of HTTP (RFC 9110, 5.6.7) and of an archive's `Release`.
func httpDate(_ time: time_t) -> String {
  var (time, parts, buffer) = (time, tm(), [CChar](repeating: 0, count: 64))
  gmtime_r(&time, &parts)
  let count = strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
  return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
