internal import SystemPackage

extension Connection {
  /// The name by which SQLite opens `path` (https://sqlite.org/uri.html): a path may be any bytes, so all but the
  /// plainest are escaped.
  static func uri(_ path: FilePath, _ access: Access) -> String {
    let hexadecimal = Array("0123456789ABCDEF".utf8)
    var name = Array((path.isAbsolute ? "file://" : "file:").utf8)
    path.withPlatformString { characters in
      var next = characters
      while next.pointee != 0 {
        let byte = UInt8(bitPattern: next.pointee)
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          name.append(byte)
        default:
          name += [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
        }
        next += 1
      }
    }
    let parameters =
      switch access {
      case .readingWithoutTrace: "?readonly_shm=1"
      case .readingImmutable: "?immutable=1"
      case .reading, .writing, .creating: ""
      }
    return String(decoding: name, as: UTF8.self) + parameters
  }
}
