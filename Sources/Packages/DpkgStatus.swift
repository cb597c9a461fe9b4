/// One package of dpkg's status database.
public struct InstalledPackage: Hashable, Sendable {
  /// The package's name.
  public let name: String
  /// Its architecture; empty where dpkg recorded none.
  public let architecture: String
  /// Its full version.
  public let version: String
  /// What dpkg last did to it: `installed` when all is well (dpkg(1), "Package states").
  public let state: String

  /// A package as the status database describes it.
  public init(name: String, architecture: String, version: String, state: String) {
    self.name = name
    self.architecture = architecture
    self.version = version
    self.state = state
  }
}

/// Reads dpkg's status database: deb822 paragraphs (deb822(5)), one a package.
public enum DpkgStatus {
  /// The packages that are on the system in whole or in part: all but those of which nothing or only configuration
  /// files are left (`not-installed`, `config-files`).
  public static func packages(in status: some Collection<UInt8>) -> [InstalledPackage] {
    var packages: [InstalledPackage] = []
    var paragraph = Paragraph()
    for line in status.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if line.isEmpty {
        packages.append(contentsOf: paragraph.package)
        paragraph = Paragraph()
      } else {
        paragraph.read(line)
      }
    }
    packages.append(contentsOf: paragraph.package)
    return packages
  }
}

private struct Paragraph {
  private var name = ""
  private var architecture = ""
  private var version = ""
  private var state = ""

  mutating func read(_ line: some Collection<UInt8>) {
    if let value = line.value(of: "Package: ") {
      name = value
    } else if let value = line.value(of: "Architecture: ") {
      architecture = value
    } else if let value = line.value(of: "Version: ") {
      version = value
    } else if let value = line.value(of: "Status: ") {
      // Three words: what is wanted, whether it is well, what it is.
      state = value.split(separator: " ").last.map(String.init) ?? ""
    }
  }

  var package: [InstalledPackage] {
    guard !name.isEmpty, state != "not-installed", state != "config-files" else { return [] }
    return [InstalledPackage(name: name, architecture: architecture, version: version, state: state)]
  }
}

extension Collection<UInt8> {
  fileprivate func value(of field: StaticString) -> String? {
    field.withUTF8Buffer { field in
      starts(with: field) ? String(decoding: dropFirst(field.count), as: UTF8.self) : nil
    }
  }
}
