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

  /// This directory with another file at a name; nil removes it.
  package func replacing(_ name: FilePath.Component, by file: FileNode?) -> FileNode {
    guard var children else { return self }
    children[name] = file
    return FileNode(.directory(children), attributes)
  }

  /// The changes that led from `older` to this tree, made to `base` instead: what is the same in both is as in `base`.
  package func changes(since older: FileNode, onto base: FileNode) -> FileNode {
    guard self != older else { return base }
    guard let children, let olderChildren = older.children, let baseChildren = base.children else { return self }
    var result: [FilePath.Component: FileNode] = [:]
    for name in Set(children.keys).union(baseChildren.keys) {
      let (now, then, other) = (children[name], olderChildren[name], baseChildren[name])
      if now == then {
        result[name] = other
      } else if let now, let then, let other {
        result[name] = now.changes(since: then, onto: other)
      } else {
        result[name] = now
      }
    }
    return FileNode(.directory(result), attributes == older.attributes ? base.attributes : attributes)
  }
}
