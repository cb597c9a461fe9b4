import SystemPackage

/// The result of adding a generation's files to the shared /var.
public struct SeededVar: Encodable, Sendable {
  /// A file in the shared /var that stays as it is, though the generation would need another one.
  public struct Obstacle: Encodable, Sendable {
    /// The path.
    public let path: FilePath
    /// One sentence without a full stop.
    public let sentence: String

    private enum Key: String, CodingKey { case path, message }

    /// The data for programs.
    public func encode(to encoder: any Encoder) throws {
      var object = encoder.container(keyedBy: Key.self)
      try object.encode(path.string, forKey: .path)
      try object.encode(sentence, forKey: .message)
    }
  }

  /// The added paths; a directory stands for its contents.
  public internal(set) var added: [FilePath] = []
  /// The conflicts that the administrator may want to look at.
  public internal(set) var obstacles: [Obstacle] = []
  /// The directories of packages that the shared /var still lacks.
  public internal(set) var missing: [FilePath] = []

  /// Nothing was added, and nothing is missing.
  public init() {}

  private enum Key: String, CodingKey { case added, obstacles, missing }

  /// The data for programs.
  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(added.map(\.string), forKey: .added)
    try object.encode(obstacles, forKey: .obstacles)
    try object.encode(missing.map(\.string), forKey: .missing)
  }
}
