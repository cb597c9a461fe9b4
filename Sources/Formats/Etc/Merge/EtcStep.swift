import FileTrees
import SystemPackage

/// Something to be done in the /etc of the new deployment, which begins as the new generation's. To do it again
/// changes nothing.
public enum EtcStep: Hashable, Sendable {
  /// Remove what is at the path, and all below it.
  case remove(FilePath)
  /// Put something in place of what is there. A directory that is there stays, with what is in it.
  case put(FilePath, EtcEntry)
  /// Change the attributes of what is there.
  case setAttributes(FilePath, FileAttributes)
}

/// Something below the /etc of the new deployment.
public struct EtcEntry: Hashable, Sendable {
  /// What it is.
  public enum Content: Hashable, Sendable {
    /// A directory.
    case directory
    /// The regular file that is at a path of one side. The new side is the generation, not the deployment, which changes.
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
  /// Who may do what with it.
  public var attributes: FileAttributes

  /// Something with these attributes.
  public init(content: Content, attributes: FileAttributes) {
    self.content = content
    self.attributes = attributes
  }
}
