import FileTrees
import SystemPackage

/// A step in the /etc of the new deployment, which begins as the new generation's. Repeating a step changes nothing.
public enum EtcStep: Hashable, Sendable {
  /// Remove the file at the path, and all below it.
  case remove(FilePath)
  /// Replace the file at the path. An existing directory stays, with its contents.
  case put(FilePath, EtcEntry)
  /// Change the attributes of the file at the path.
  case setAttributes(FilePath, FileAttributes)
}

/// A file below the /etc of the new deployment.
public struct EtcEntry: Hashable, Sendable {
  /// The kinds of file.
  public enum Content: Hashable, Sendable {
    /// A directory.
    case directory
    /// The regular file at a path of one side. The new side is the generation, not the deployment, which changes.
    case copy(Side, FilePath)
    /// A regular file with these bytes.
    case bytes([UInt8])
    /// A symbolic link.
    case link(target: [UInt8])
    /// A device, FIFO or socket: the type bits of `st_mode`, and `st_rdev`.
    case special(type: UInt32, device: UInt64)
  }

  /// What it is.
  public var content: Content
  /// Its attributes.
  public var attributes: FileAttributes

  /// A file with these attributes.
  public init(content: Content, attributes: FileAttributes) {
    self.content = content
    self.attributes = attributes
  }
}
