import FoundationEssentials
import Host
import SystemPackage

/// A node that has a kernel, and is not in the boot menu nevertheless.
package struct LeftOutNode: Codable, Equatable, Sendable {
  /// Why it is not there.
  package enum Reason: Codable, Equatable, Sendable {
    /// The boot volume has no room.
    case room
    /// Its initrd lacks these files, so it could not mount the root.
    case lacks([String])
    /// Its initrd has this key file of a disk, and the boot volume is not encrypted.
    case key(String)
  }

  /// Its number.
  let node: Int
  let reason: Reason

  /// The sentence that says it.
  func sentence(for record: BootVolumeRecord) -> String {
    let words =
      switch reason {
      case .room: "\(record.mountPoint) has no room for its kernel and initrd"
      case .lacks(let files): "its initrd lacks \(files.joined(separator: " and "))"
      case .key(let file): "its initrd has the key file \(file), and \(record.mountPoint) is not encrypted"
      }
    return "node \(node) is not in the boot menu: \(words)"
  }
}

/// The nodes that are not in the boot menu although they have a kernel: a file that every user may read.
struct LeftOutNodes {
  private static let path: FilePath = "ast/boot-left-out.json"
  private let nodes: [LeftOutNode]
  private let path: FilePath
  /// Whether the file says so already.
  let areRecorded: Bool

  init(_ nodes: [LeftOutNode], in root: FilePath) throws {
    self.nodes = nodes
    path = root.pushing(Self.path)
    areRecorded = Self.nodes(in: root) == nodes
  }

  /// The nodes, as the last menu was published.
  static func nodes(in root: FilePath) -> [LeftOutNode] {
    (try? JSONDecoder().decode([LeftOutNode].self, from: Files.contents(of: root.pushing(path)))) ?? []
  }

  /// Writes the file. Nothing depends on it.
  func record() throws {
    guard !areRecorded else { return }
    let new = FilePath("\(path).new")
    try Files.write(JSONEncoder().encode(nodes), to: new)
    try Files.rename(new, to: path)
  }
}

extension Store {
  /// The nodes that have a kernel and are not in the boot menu, a sentence each with the reason.
  public func menuNotices() throws -> [String] {
    let nodes = LeftOutNodes.nodes(in: root)
    guard !nodes.isEmpty, let record = try BootVolumeRecord(in: root) else { return [] }
    return nodes.map { $0.sentence(for: record) }
  }
}
