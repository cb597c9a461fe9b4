/// The number of a package manifest. It has no meaning outside the database: a rebuilt database has other numbers.
public struct ManifestID: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }
}
