/// An archive of cpio(5) in the format newc, as initrds are made of.
public enum CpioArchive {
  /// The bytes of an archive with these files, by path.
  public static func bytes(_ files: [String], content: String = "") -> [UInt8] {
    entries(files, content: content) + entry("TRAILER!!!", mode: 0, [])
  }

  /// The bytes of these entries; a path that ends with a slash is a directory.
  public static func entries(_ files: [String], content: String = "") -> [UInt8] {
    files.flatMap { file in
      file.hasSuffix("/")
        ? entry(String(file.dropLast()), mode: 0o040755, []) : entry(file, mode: 0o100644, Array(content.utf8))
    }
  }

  private static func entry(_ name: String, mode: Int, _ content: [UInt8]) -> [UInt8] {
    let fields = [1, mode, 0, 0, 1, 0, content.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
    let header = "070701" + fields.map { number($0) }.joined()
    return padded(Array(header.utf8) + Array(name.utf8) + [0]) + padded(content)
  }

  private static func number(_ value: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }
}
