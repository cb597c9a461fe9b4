/// Where a version of a package comes from, as the `Release` file of its archive says.
public struct PackageOrigin: Sendable, Hashable {
  /// Its `Origin`, such as `Debian`.
  public let origin: String
  /// Its `Label`, such as `Debian-Security`.
  public let label: String
  /// Its `Suite`, such as `stable-security`.
  public let suite: String
  /// Its `Codename`, such as `trixie-security`.
  public let codename: String

  /// An origin with these fields; those that the file does not have are empty.
  public init(origin: String, label: String, suite: String, codename: String) {
    self.origin = origin
    self.label = label
    self.suite = suite
    self.codename = codename
  }

  /// Reads the beginning of a `Release` or `InRelease` file; fields that are not there are empty.
  public init(release text: some Collection<UInt8>) {
    let fields = ControlFile.paragraphs(in: text, fields: ["Origin", "Label", "Suite", "Codename"]).first ?? [:]
    self.init(
      origin: fields["Origin", default: ""], label: fields["Label", default: ""], suite: fields["Suite", default: ""],
      codename: fields["Codename", default: ""])
  }

  /// Whether it has security updates for a release, such as `trixie`: these are the patterns with which
  /// unattended-upgrades comes for Debian and for Ubuntu.
  public func isSecurity(of release: String) -> Bool {
    switch origin {
    // Until Debian 10, the codename was that of the release.
    case "Debian": label == Self.debianLabel && ["\(release)\(Self.suffix)", release].contains(codename)
    case "Ubuntu": suite == "\(release)\(Self.suffix)"
    case "UbuntuESMApps": suite == "\(release)-apps\(Self.suffix)"
    case "UbuntuESM": suite == "\(release)-infra\(Self.suffix)"
    default: false
    }
  }

  static let debianLabel = "Debian-Security"
  static let suffix = "-security"
}

extension PackageOrigin {
  /// The format that `apt-get indextargets` prints the lists of packages in: see ``lists(in:)``.
  public static let format = ["FILENAME", "ORIGIN", "LABEL", "SUITE", "CODENAME"].map { "$(\($0))" }
    .joined(separator: "\t")

  /// Reads the lists of packages and their origins. Other lines are skipped.
  public static func lists(in text: String) -> [(file: String, origin: PackageOrigin)] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 5, !fields[0].isEmpty else { return nil }
      return (
        fields[0], PackageOrigin(origin: fields[1], label: fields[2], suite: fields[3], codename: fields[4])
      )
    }
  }
}
