/// The change to one package when a plan is carried out.
public struct PackageStep: Sendable, Hashable, Codable {
  /// The kind of step.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    case install, upgrade, downgrade, reinstall, remove, purge

    /// Whether the package is removed.
    public var isRemoval: Bool { self == .remove || self == .purge }
  }

  /// The package.
  public let name: String
  /// Its architecture; that of the machine for a package for all architectures.
  public let architecture: String
  /// The kind of change.
  public let kind: Kind
  /// The installed version.
  public let from: String?
  /// The new version.
  public let to: String?
  /// Whether it is installed automatically, because others need it.
  public let isAutomatic: Bool

  /// The package as an argument for apt.
  public var argument: String { "\(name):\(architecture)" }

  /// A step with these facts.
  public init(
    name: String, architecture: String, kind: Kind, from: String?, to: String?, isAutomatic: Bool
  ) {
    self.name = name
    self.architecture = architecture
    self.kind = kind
    self.from = from
    self.to = to
    self.isAutomatic = isAutomatic
  }
}
