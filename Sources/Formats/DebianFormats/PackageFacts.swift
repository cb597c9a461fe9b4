/// What a package's own description says about its size and whether a system can do without it.
public struct PackageFacts: Sendable, Hashable {
  /// The bytes it takes when it is installed: `Installed-Size` is in KiB (Debian policy 5.6.20).
  public let size: Int64
  /// Whether it must not be removed (Debian policy 5.6.9; deb-control(5), `Protected`).
  public let isEssential: Bool

  /// A package's facts.
  public init(size: Int64, isEssential: Bool) {
    self.size = size
    self.isEssential = isEssential
  }

  /// Reads paragraphs that describe packages (deb-control(5)): the first one of each name counts.
  public static func table(in text: some Collection<UInt8>) -> [String: PackageFacts] {
    let fields: Set = ["Package", "Installed-Size", "Essential", "Protected"]
    let facts = ControlFile.paragraphs(in: text, fields: fields).compactMap { paragraph in
      paragraph["Package"].map { name in
        let isEssential = paragraph["Essential"] == "yes" || paragraph["Protected"] == "yes"
        return (name, PackageFacts(size: size(paragraph["Installed-Size"] ?? ""), isEssential: isEssential))
      }
    }
    return Dictionary(facts) { first, _ in first }
  }

  /// The size in bytes for a number of KiB; 0 if it is none.
  private static func size(_ kibibytes: String) -> Int64 {
    guard kibibytes.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), !kibibytes.isEmpty else {
      return 0
    }
    return min(Int64(kibibytes) ?? .max, largest) * 1024
  }

  /// The largest size that is believed, in KiB: a tebibyte, which no package has and few disks have free. Anybody can
  /// write a package, and a sum of sizes must not overflow, which takes eight million packages of that size: more than
  /// fit into a file that is read.
  private static let largest: Int64 = 1 << 30
}
