/// The number of a package manifest. Has no meaning outside the database: a rebuilt one has others.
public struct ManifestID: TreeIdentifier {
  /// The number.
  public let rawValue: Int

  /// The identifier with this number.
  public init(rawValue: Int) {
    self.rawValue = rawValue
  }
}
