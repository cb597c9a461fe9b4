public import SystemPackage

/// The reason why a file of settings cannot be used.
public enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(FilePath)
  /// The content is wrong, with the place and the mistake.
  case wrong(FilePath, String)

  /// The sentence for the user.
  public var description: String {
    switch self {
    case .unreadable(let path): "cannot read \(path)"
    case .wrong(let path, let reason): "\(path): \(reason)"
    }
  }
}

extension ConfigurationError {
  /// A mistake at a place in a file.
  public static func wrong(_ path: FilePath, line: Int, column: Int, _ reason: String) -> ConfigurationError {
    .wrong(path, "line \(line), column \(column): \(reason)")
  }
}
