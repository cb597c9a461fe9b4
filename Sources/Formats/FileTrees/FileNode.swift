import SystemPackage

/// A file, or a directory with everything in it, as a value.
public struct FileNode: Hashable, Sendable {
  /// The kinds of file, with their contents.
  public enum Content: Hashable, Sendable {
    /// A regular file. The bytes distinguish contents: a checksum, or the content itself.
    case file(identity: [UInt8])
    /// A symbolic link and the bytes of its target.
    case link(target: [UInt8])
    /// A directory.
    case directory([FilePath.Component: FileNode])
    /// A device, FIFO or socket: the type bits of `st_mode`, and `st_rdev`.
    case special(type: UInt32, device: UInt64)
  }

  /// Its attributes.
  public var attributes: FileAttributes
  /// Its kind and contents.
  public var content: Content

  /// A file or directory.
  public init(_ content: Content, _ attributes: FileAttributes) {
    self.attributes = attributes
    self.content = content
  }

  /// The entries of a directory; nil for anything else.
  public var children: [FilePath.Component: FileNode]? {
    if case .directory(let children) = content { return children }
    return nil
  }

  /// The file at a path below this directory; nil if there is none. Links are not followed.
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
