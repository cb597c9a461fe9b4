import SystemPackage

/// A file, or a directory with everything in it, as a value.
public struct FileNode: Hashable, Sendable {
  /// What it is and what is in it.
  public enum Content: Hashable, Sendable {
    /// A regular file. The bytes tell equal contents from different ones: a checksum, or the content.
    case file(identity: [UInt8])
    /// A symbolic link and the bytes it leads to.
    case link(target: [UInt8])
    /// A directory.
    case directory([FilePath.Component: FileNode])
    /// A device, FIFO or socket: the type bits of `st_mode`, and `st_rdev`.
    case special(type: UInt32, device: UInt64)
  }

  /// Who may do what with it.
  public var attributes: FileAttributes
  /// What is in it.
  public var content: Content

  /// A file or directory.
  public init(_ content: Content, _ attributes: FileAttributes) {
    self.attributes = attributes
    self.content = content
  }

  /// What is in a directory; nil for anything else.
  public var children: [FilePath.Component: FileNode]? {
    if case .directory(let children) = content { return children }
    return nil
  }

  /// What is at a path below this directory; nil where nothing is. No link is followed.
  public subscript(path: FilePath) -> FileNode? {
    path.components.reduce(self as FileNode?) { node, name in node?.children?[name] }
  }

  /// Whether the other one is of the same type.
  package func isSameType(as other: FileNode) -> Bool {
    switch (content, other.content) {
    case (.file, .file), (.link, .link), (.directory, .directory): true
    case (.special(let type, _), .special(let otherType, _)): type == otherType
    default: false
    }
  }
}
