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

extension ConfigurationError {
  /// What is wrong at a place in a file.
  public static func wrong(_ path: FilePath, line: Int, column: Int, _ reason: String) -> ConfigurationError {
    .wrong(path, "line \(line), column \(column): \(reason)")
  }
}
