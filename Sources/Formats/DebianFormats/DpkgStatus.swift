/// One package of dpkg's status database.
public struct InstalledPackage: Hashable, Sendable {
  /// The package's name.
  public let name: String
  /// Its architecture; empty if dpkg recorded none.
  public let architecture: String
  /// Its full version.
  public let version: String
  /// Its state: `installed` when all is well (dpkg(1), "Package states").
  public let state: String

  /// A package as the status database describes it.
  public init(name: String, architecture: String, version: String, state: String) {
    self.name = name
    self.architecture = architecture
    self.version = version
    self.state = state
  }
}

/// Reads dpkg's status database: a paragraph for each package (deb822(5)).
public enum DpkgStatus {
  /// The packages that are on the system in whole or in part: all except those with the state `not-installed` or
  /// `config-files`.
  public static func packages(in status: some Collection<UInt8>) -> [InstalledPackage] {
    ControlFile.paragraphs(in: status, fields: ["Package", "Architecture", "Version", "Status"]).compactMap { fields in
      // Three words: the wanted state, an error flag, the state.
      let state = fields["Status"]?.split(separator: " ").last.map(String.init) ?? ""
      guard let name = fields["Package"], !name.isEmpty, !["not-installed", "config-files"].contains(state) else {
        return nil
      }
      return InstalledPackage(
        name: name, architecture: fields["Architecture"] ?? "", version: fields["Version"] ?? "", state: state)
    }
  }

  /// The versions of the source packages that packages were built from: those of the packages themselves, unless the
  /// field `Source` has another one in parentheses, as after a rebuild for one architecture (deb-control(5)).
  public static func sourceVersions(
    in status: some Collection<UInt8>
  ) -> [(name: String, architecture: String, version: String)] {
    ControlFile.paragraphs(in: status, fields: ["Package", "Architecture", "Version", "Source"]).compactMap { fields in
      guard let name = fields["Package"], let version = fields["Version"] else { return nil }
      let source = fields["Source"]?.split(separator: "(").dropFirst().first?.prefix { $0 != ")" }
      return (name, fields["Architecture"] ?? "", source.map(String.init) ?? version)
    }
  }
}
