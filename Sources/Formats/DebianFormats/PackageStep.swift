/// What happens to one package when a plan is carried out.
public struct PackageStep: Sendable, Hashable, Codable {
  /// The kind of step.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    case install, upgrade, downgrade, reinstall, remove, purge

    /// Whether the package is gone afterwards.
    public var isRemoval: Bool { self == .remove || self == .purge }
  }

  /// The package.
  public let name: String
  /// The architecture it is for; that of the machine for a package that fits all.
  public let architecture: String
  /// What happens to it.
  public let kind: Kind
  /// The version that is there.
  public let from: String?
  /// The version that comes.
  public let to: String?
  /// Whether it is there because others need it, not because somebody asked for it.
  public let isAutomatic: Bool

  /// The package as apt takes it.
  public var argument: String { "\(name):\(architecture)" }

  /// A step with its facts.
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
