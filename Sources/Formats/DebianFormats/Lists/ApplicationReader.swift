/// Reads the applications in the AppStream metadata of an archive, `dep11/Components-ARCHITECTURE.yml`, line by line.
///
/// It is YAML in block style, one document for each component (AppStream, "DEP-11 YAML Format"):
///
///     ---
///     Type: desktop-application
///     ID: org.gnome.gitg
///     Package: gitg
///     Name:
///       de: gitg
///       C: gitg
///     Icon:
///       cached:
///       - name: gitg_org.gnome.gitg.png
///
/// A node can have anything in its place: what does not look like this is passed over.
public struct ApplicationReader {
  /// The texts of the document, by the names of their keys.
  private var texts: [String: String] = [:]
  /// The key without indentation that the lines belong to.
  private var top = ""
  /// The key below it.
  private var inner = ""
  private var open: Text?

  /// A reader before the first line.
  public init() {}

  /// Reads a line, without its end.
  ///
  /// - Returns: the application that ends with it; nil if none does.
  public mutating func read(_ line: UnsafeRawBufferPointer) -> Application? {
    if var text = open {
      open = nil
      switch text.take(line) {
      case .goesOn:
        open = text
        return nil
      case .ends:
        texts[text.key] = text.value
        return nil
      case .isOver:
        texts[text.key] = text.value
      }
    }
    let indentation = line.prefix { $0 == UInt8(ascii: " ") }.count
    guard indentation > 0 else {
      if line.elementsEqual("---".utf8) { return end() }
      guard let (key, text) = Self.split(line[...]) else { return nil }
      (top, inner) = (key, "")
      if ["Type", "ID", "Package"].contains(key) { begin(key, text, 0) }
      return nil
    }
    guard ["Name", "Summary", "Icon"].contains(top) else { return nil }
    if top == "Icon" {
      readIcon(line[indentation...], indentation)
    } else if let (key, text) = Self.split(line[indentation...]), key == "C", texts[top] == nil {
      begin(top, text, indentation)
    }
    return nil
  }

  /// Reads the end.
  ///
  /// - Returns: the last application.
  public mutating func end() -> Application? {
    if let open { texts[open.key] = open.value }
    defer { self = ApplicationReader() }
    guard Self.types.contains(texts["Type", default: ""]), let id = texts["ID"], let package = texts["Package"],
      let name = texts["Name"], ![id, package, name].contains("")
    else { return nil }
    return Application(
      id: id, package: package, name: name, summary: texts["Summary", default: ""], icon: texts["Icon"])
  }

  private static let types: Set = ["desktop-application", "console-application", "web-application"]

  private mutating func readIcon(_ line: Slice<UnsafeRawBufferPointer>, _ indentation: Int) {
    if line.starts(with: "- ".utf8) {
      guard inner == "cached", texts["Icon"] == nil, let (key, text) = Self.split(line.dropFirst(2)), key == "name"
      else { return }
      begin("Icon", text, indentation + 2)
    } else if let (key, text) = Self.split(line), text.isEmpty {
      inner = key
    }
  }

  private mutating func begin(_ key: String, _ text: Slice<UnsafeRawBufferPointer>, _ indentation: Int) {
    var text = Text(key, text, indentation)
    if text.isComplete { texts[key] = text.value } else { open = text }
  }

  /// The key and the text of a line.
  private static func split(
    _ line: Slice<UnsafeRawBufferPointer>
  ) -> (key: String, text: Slice<UnsafeRawBufferPointer>)? {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon - line.startIndex < 64 else { return nil }
    let rest = line[(colon + 1)...]
    guard rest.isEmpty || rest.first == UInt8(ascii: " ") else { return nil }
    return (String(decoding: line[..<colon], as: UTF8.self), rest.drop { $0 == UInt8(ascii: " ") })
  }
}

/// The text of a key, which can have more lines (YAML 1.2, chapter 7 and 8).
private struct Text {
  enum Style { case plain, single, double, block }
  enum Taken { case goesOn, ends, isOver }

  let key: String
  private let style: Style
  private let indentation: Int
  private var raw: [UInt8]

  init(_ key: String, _ text: Slice<UnsafeRawBufferPointer>, _ indentation: Int) {
    self.key = key
    self.indentation = indentation
    switch text.first {
    case UInt8(ascii: "'"): (style, raw) = (.single, Array(text.dropFirst()))
    case UInt8(ascii: "\""): (style, raw) = (.double, Array(text.dropFirst()))
    case UInt8(ascii: ">"), UInt8(ascii: "|"): (style, raw) = (.block, [])
    default: (style, raw) = (.plain, Array(text))
    }
    raw = Array(raw.prefix(Self.longest))
  }

  /// Whether no other line can belong to it.
  var isComplete: Bool { mutating get { closes() } }

  /// Takes a line if it belongs to the text.
  mutating func take(_ line: UnsafeRawBufferPointer) -> Taken {
    let blank = UInt8(ascii: " ")
    let content = line.drop { $0 == blank }
    guard content.isEmpty || content.startIndex > indentation else { return .isOver }
    guard raw.count < Self.longest else { return .goesOn }
    // A line's end is a blank, except behind a backslash in double quotes.
    if style == .double, raw.last == UInt8(ascii: "\\") { raw.removeLast() } else if !raw.isEmpty { raw.append(blank) }
    raw += content.prefix(Self.longest)
    return closes() ? .ends : .goesOn
  }

  /// Whether the closing quote is there, which goes then.
  private mutating func closes() -> Bool {
    guard style == .single || style == .double else { return false }
    let quote = UInt8(ascii: style == .single ? "'" : "\"")
    var index = 0
    while index < raw.count {
      if style == .double, raw[index] == UInt8(ascii: "\\") {
        index += 2
      } else if raw[index] == quote {
        if style == .single, index + 1 < raw.count, raw[index + 1] == quote {
          index += 2
        } else {
          raw.removeSubrange(index...)
          return true
        }
      } else {
        index += 1
      }
    }
    return false
  }

  var value: String {
    let text = String(decoding: raw, as: UTF8.self)
    switch style {
    case .plain, .block: return Self.trimmed(text)
    case .single: return Self.trimmed(text.replacing("''", with: "'"))
    case .double: return Self.trimmed(Self.unescaped(text))
    }
  }

  private static func trimmed(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func unescaped(_ text: String) -> String {
    var (plain, rest) = ("", text.unicodeScalars[...])
    while let scalar = rest.popFirst() {
      guard scalar == "\\", let escape = rest.popFirst() else {
        plain.unicodeScalars.append(scalar)
        continue
      }
      switch escape {
      case "x", "u", "U":
        let count = escape == "x" ? 2 : escape == "u" ? 4 : 8
        let number = UInt32(String(String.UnicodeScalarView(rest.prefix(count))), radix: 16)
        plain.unicodeScalars.append(number.flatMap(Unicode.Scalar.init) ?? "\u{FFFD}")
        rest = rest.dropFirst(count)
      case "n", "t", "r", "v", "f", "N", "L", "P", "_": plain += " "
      case "e": plain += "\u{1B}"
      default: plain.unicodeScalars.append(escape)
      }
    }
    return plain
  }

  /// What is kept of a text, in bytes: many times what fits a line.
  private static let longest = 4096
}
