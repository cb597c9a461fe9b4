/// The section .sbat of a boot program: the parts that it is made of, each with a number that goes up when an older one
/// is to be revoked (SBAT.md of shim).
public struct BootGenerations: Sendable, Equatable {
  /// The generation of each part.
  public let parts: [String: Int]

  /// The parts in lines of comma-separated fields, whose first two are a name and a number. Other lines do not count; of
  /// two lines for a part, the higher does.
  public init(_ content: some Sequence<UInt8>) {
    var parts: [String: Int] = [:]
    for line in Array(content).split(separator: UInt8(ascii: "\n")).prefix(Self.mostLines) {
      let fields = line.split(separator: UInt8(ascii: ","), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count > 1, fields[0].allSatisfy(Self.isNamePart), !fields[0].isEmpty,
        let number = Int(String(decoding: fields[1], as: UTF8.self)), number >= 0
      else { continue }
      let name = String(decoding: fields[0], as: UTF8.self)
      parts[name] = max(number, parts[name] ?? 0)
    }
    self.parts = parts
  }

  private static let mostLines = 1000

  private static func isNamePart(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

  /// Whether Debian has made the program: a part has a name like `grub.debian`, and none that of another distribution.
  public var areOfDebian: Bool {
    let makers = parts.keys.compactMap { name in name.firstIndex(of: ".").map { name[$0...].dropFirst() } }
    return makers.contains("debian") && makers.allSatisfy { $0.hasPrefix("debian") || $0 == "peimage" }
  }

  /// The parts that have a lower generation here than in `other`, sorted: a revocation can hit them that does not hit
  /// the other program.
  public func partsLower(than other: BootGenerations) -> [String] {
    parts.filter { name, number in other.parts[name].map { number < $0 } ?? false }.keys.sorted()
  }

  /// The parts with their numbers: "grub 5, grub.debian 5".
  public var text: String {
    parts.filter { $0.key != "sbat" }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      .joined(separator: ", ")
  }
}
