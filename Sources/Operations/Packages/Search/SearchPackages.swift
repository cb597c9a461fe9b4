import DebianFormats
import FoundationEssentials
import Host
import SnapshotTree
import Store

/// A package that was found, in its newest version.
public struct FoundPackage: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// The version.
  public let version: String
  /// The first line of its description.
  public let summary: String
}

/// `search`: packages by words, in the lists of a node's sources.
extension Store {
  /// The packages in whose name or description all words are, by name. Case does not matter.
  ///
  /// - Throws: `AstError`: not found if the lists of the node were not fetched.
  public func search(_ words: [String], in node: NodeID) throws -> [FoundPackage] {
    let words = words.compactMap(SearchWord.init)
    let lists = try packageLists(of: node)
    var digests: Set<Digest> = []
    for name in lists.descriptions {
      try lists.file(name).forEachPiece { text, _ in
        text.forEachEntry { entry in
          if text.has(words, in: entry), let digest = Digest(text[entry.digest]) { digests.insert(digest) }
        }
      }
    }
    var found: [String: FoundPackage] = [:]
    for name in lists.packages {
      try Interruption.check()
      try lists.file(name).forEachPiece { text, _ in
        text.forEachEntry { entry in
          let isMeant =
            text.has(words, in: entry) || !digests.isEmpty && Digest(text[entry.digest]).map(digests.contains) ?? false
          guard isMeant else { return }
          let package = FoundPackage(
            name: text.string(entry.package), version: text.string(entry.version),
            summary: text.firstLine(entry.description))
          if let other = found[package.name], DebianVersion(package.version) < DebianVersion(other.version) { return }
          found[package.name] = package
        }
      }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  /// The lists of a node.
  func packageLists(of node: NodeID) throws -> NodeLists {
    guard let lists = try NodeLists(of: node, in: root) else {
      throw AstError(
        .notFound, "the package lists of node \(node) were not fetched yet", state: .unchanged,
        hint: "`ast refresh \(node)` fetches them, as root")
    }
    return lists
  }
}

extension ListText {
  /// Whether all words are in the name of a package or its description.
  fileprivate func has(_ words: [SearchWord], in entry: Entry) -> Bool {
    words.allSatisfy { $0.isIn(self[entry.package]) || $0.isIn(self[entry.description]) }
  }
}

/// The MD5 checksum that leads from a package to its description. It proves nothing here.
private struct Digest: Hashable {
  private let high: UInt64
  private let low: UInt64

  init?(_ text: UnsafeRawBufferPointer) {
    guard text.count == 32, let high = Self.number(text[..<16]), let low = Self.number(text[16...]) else { return nil }
    (self.high, self.low) = (high, low)
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      number = number << 4 | UInt64(value)
    }
    return number
  }
}
