/// An installed package.
public struct Package: Hashable, Codable, Sendable, Comparable {
  /// Its name, without the architecture.
  public var name: String
  /// The architecture, such as `amd64` or `all`.
  public var architecture: String
  /// The version.
  public var version: String

  /// A package with these facts.
  public init(name: String, architecture: String, version: String) {
    self.name = name
    self.architecture = architecture
    self.version = version
  }

  /// Orders packages by name, then architecture, then version as text: an order for lists, not of versions.
  public static func < (left: Package, right: Package) -> Bool {
    if left.name != right.name { return left.name < right.name }
    if left.architecture != right.architecture { return left.architecture < right.architecture }
    return left.version < right.version
  }
}
