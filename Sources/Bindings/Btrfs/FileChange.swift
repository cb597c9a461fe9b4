import SystemPackage

/// The difference of one file, of whatever type, between two trees of files. Times and inode numbers do not count.
public struct FileChange: Sendable, Equatable {
  /// The kinds of change on the way from the first tree to the second.
  public enum Kind: String, Sendable, CaseIterable {
    /// Only the second tree has a file at the path.
    case added
    /// Only the first tree has a file at the path.
    case removed
    /// The file has another path in the second tree. The contents of a renamed directory are not listed.
    case renamed
    /// Both trees have a file at the path.
    case changed
  }

  /// The properties that can differ between two files.
  public enum Difference: String, Sendable, CaseIterable {
    /// One is a directory, for example, and the other is not. Other differences do not matter then.
    case type
    /// The bytes of a regular file.
    case content
    /// The target of a symbolic link.
    case target
    /// The device that a device node stands for.
    case device
    /// The permissions.
    case mode
    /// The user or the group.
    case owner
    /// The extended attributes: access control lists and capabilities among them (xattr(7)).
    case attributes
  }

  /// The kind of change.
  public let kind: Kind
  /// The path of the file, relative to the root of the tree; empty for the root itself. A removed file was there.
  public let path: FilePath
  /// The old path of a renamed file.
  public let from: FilePath?
  /// The differences; empty for files that are in one tree only.
  public let differences: [Difference]

  /// A change of these facts.
  public init(_ kind: Kind, _ path: FilePath, from: FilePath? = nil, differences: [Difference] = []) {
    self.kind = kind
    self.path = path
    self.from = from
    self.differences = differences
  }
}
