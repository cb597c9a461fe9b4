import FileTrees
import SystemPackage

/// The difference of one path below /etc between two trees.
public struct EtcChange: Hashable, Sendable {
  /// The kinds of change on the way from the first tree to the second.
  public enum Kind: String, Codable, Hashable, Sendable {
    /// Only the second tree has a file there.
    case added
    /// Only the first tree has a file there.
    case removed
    /// Both have a file there.
    case changed
  }

  /// The properties that can differ.
  public enum Difference: String, Codable, Hashable, Sendable {
    /// One is a directory, for example, and the other is not. Other differences do not matter then.
    case type
    /// The bytes of a regular file.
    case content
    /// The target of a symbolic link.
    case target
    /// The device that a device node stands for.
    case device
    /// The permissions, an access control list among them.
    case mode
    /// The user or the group.
    case owner
    /// Other extended attributes.
    case attributes
  }

  /// The path, below /etc; empty for /etc itself.
  public let path: FilePath
  /// The kind of change.
  public let kind: Kind
  /// The differences; empty for a file that is in one tree only.
  public let differences: [Difference]

  /// Whether the path identifies the machine: see ``MachineFile``.
  public var isMachinesOwn: Bool { MachineFile.covering(etc: path)?.side == .live }

  /// A change of these facts.
  public init(_ kind: Kind, _ path: FilePath, _ differences: [Difference] = []) {
    self.kind = kind
    self.path = path
    self.differences = differences
  }

  /// The changes from one tree to another, in the order of paths. The contents of an added or removed directory are
  /// listed. Left out is what each deployment has for itself (``MachineFile``).
  public static func changes(from old: FileNode, to new: FileNode) -> [EtcChange] {
    changes(from: old, to: new, at: "").inOrder { $0.path }
  }

  private static func changes(from old: FileNode?, to new: FileNode?, at path: FilePath) -> [EtcChange] {
    guard old != new, MachineFile.covering(etc: path)?.kind != .derived else { return [] }
    let (before, after) = (old?.children ?? [:], new?.children ?? [:])
    let inside = Set(before.keys).union(after.keys).flatMap { name in
      changes(from: before[name], to: after[name], at: path.appending(name))
    }
    guard let old else { return [EtcChange(.added, path)] + inside }
    guard let new else { return [EtcChange(.removed, path)] + inside }
    let differences = differences(old, new)
    return (differences.isEmpty ? [] : [EtcChange(.changed, path, differences)]) + inside
  }

  private static func differences(_ old: FileNode, _ new: FileNode) -> [Difference] {
    guard old.isSameType(as: new) else { return [.type] }
    var result: [Difference] = []
    switch new.content {
    case .directory: break
    case .file: if old.content != new.content { result.append(.content) }
    case .link: if old.content != new.content { result.append(.target) }
    case .special: if old.content != new.content { result.append(.device) }
    }
    let (before, after) = (old.attributes, new.attributes)
    let lists = { (attributes: FileAttributes) in attributes.xattrs.filter { $0.key.hasPrefix("system.posix_acl_") } }
    if before.mode != after.mode || lists(before) != lists(after) { result.append(.mode) }
    if before.owner != after.owner || before.group != after.group { result.append(.owner) }
    let others = { (attributes: FileAttributes) in attributes.xattrs.filter { !$0.key.hasPrefix("system.posix_acl_") } }
    if others(before) != others(after) || before.protection != after.protection { result.append(.attributes) }
    return result
  }
}
