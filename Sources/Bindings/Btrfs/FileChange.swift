import SystemPackage

/// How one file, of whatever type, differs between two trees of files. Times and inode numbers are no difference.
public struct FileChange: Sendable, Equatable {
  /// What happens on the way from the first tree to the second.
  public enum Kind: String, Sendable, CaseIterable {
    /// Only the second tree has something at the path.
    case added
    /// Only the first tree has something at the path.
    case removed
    /// The file has another path in the second tree. What is in a renamed directory goes with it and is not listed.
    case renamed
    /// Both trees have something at the path.
    case changed
  }

  /// What can differ between two files.
  public enum Difference: String, Sendable, CaseIterable {
    /// One is a directory, say, and the other is not. What else differs does not matter then.
    case type
    /// The bytes of a regular file.
    case content
    /// Where a symbolic link leads.
    case target
    /// Which device a device node stands for.
    case device
    /// The permissions.
    case mode
    /// The user or the group.
    case owner
    /// The extended attributes: access control lists and capabilities among them (xattr(7)).
    case attributes
  }

  /// What happens.
  public let kind: Kind
  /// Where the file is, relative to the root of the tree; empty for the root itself. Of a removed file, where it was.
  public let path: FilePath
  /// Where a renamed file was.
  public let from: FilePath?
  /// What differs; empty for files that are in one tree only.
  public let differences: [Difference]

  /// A change of these facts.
  public init(_ kind: Kind, _ path: FilePath, from: FilePath? = nil, differences: [Difference] = []) {
    self.kind = kind
    self.path = path
    self.from = from
    self.differences = differences
  }
}
