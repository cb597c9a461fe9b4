/// The head of a request (RFC 9112).
struct HTTPRequest: Equatable {
  let method: String
  /// The path without escapes; it begins with a slash and has no `..`.
  let path: String
  /// The fields by name, in lower case.
  let fields: [String: String]

  /// Parses a head, without the empty line at its end; nil if it is not one of HTTP/1.1.
  init?(head: [UInt8]) {
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3, words[2] == "HTTP/1.1", let path = Self.unescaped(words[1]) else { return nil }
    guard path.hasPrefix("/"), !path.split(separator: "/").contains("..") else { return nil }
    method = String(words[0])
    self.path = path
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      fields[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    self.fields = fields
  }

  private static func unescaped(_ path: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = path.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let escaped = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
      bytes.append(escaped)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
