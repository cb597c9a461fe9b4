/// The file /etc/crypttab. Bytes stay as they are; options are added.
public struct Crypttab: Hashable, Sendable {
  /// The bytes of the file.
  public private(set) var content: [UInt8]

  /// The file with this content.
  public init(_ content: some Sequence<UInt8>) { self.content = Array(content) }

  /// The names of the volumes, in the order of the lines.
  public var names: [String] { lines.compactMap(Self.fields).map { String(decoding: $0[0], as: UTF8.self) } }

  /// The file in which the lines of these volumes have an option.
  public func adding(_ option: String, to volumes: Set<String>) -> Crypttab {
    Crypttab(
      lines.map { line in
        guard let fields = Self.fields(of: line), volumes.contains(String(decoding: fields[0], as: UTF8.self)) else {
          return Array(line)
        }
        return Self.adding(Array(option.utf8), to: line, fields)
      }.joined(separator: [UInt8(ascii: "\n")]))
  }

  private static func adding(
    _ option: [UInt8], to line: ArraySlice<UInt8>, _ fields: [ArraySlice<UInt8>]
  ) -> [UInt8] {
    let comma = UInt8(ascii: ",")
    if fields.count > 3, fields[3].split(separator: comma).contains(where: { $0.elementsEqual(option) }) {
      return Array(line)
    }
    let end = fields.count > 3 ? fields[3].endIndex : fields[fields.count - 1].endIndex
    var result = Array(line[..<end])
    switch fields.count {
    case 2: result += Array(" none ".utf8)
    case 3: result.append(UInt8(ascii: " "))
    default: result.append(comma)
    }
    result += option
    result += line[end...]
    return result
  }

  private var lines: [ArraySlice<UInt8>] {
    content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  }

  /// The fields of a line: the name, the device, the key and the options; nil for a line without a device.
  private static func fields(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    let fields = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return fields.count > 1 && fields[0].first != UInt8(ascii: "#") ? fields : nil
  }
}
