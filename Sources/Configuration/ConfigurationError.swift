public import SystemPackage

/// Why a file of settings cannot be used.
public enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// It cannot be read.
  case unreadable(FilePath)
  /// What is in it is wrong; where and how.
  case wrong(FilePath, String)

  /// The sentence for it.
  public var description: String {
    switch self {
    case .unreadable(let path): "cannot read \(path)"
    case .wrong(let path, let reason): "\(path): \(reason)"
    }
  }
}
