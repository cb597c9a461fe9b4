import SystemPackage

/// A tiny Debian package, described by its content.
///
///     let hello = DebPackage(
///       "hello", version: "1.0", fields: ["Depends": "libc6"], files: ["/usr/share/hello": "hello\n"],
///       conffiles: ["/etc/hello.conf": "greeting=hello\n"], scripts: [.postinst: "touch /var/lib/hello"])
public struct DebPackage: Sendable, Equatable {
  /// A file of the package.
  public struct File: Sendable, Equatable, ExpressibleByStringLiteral {
    /// Its content.
    public var contents: String
    /// Its permissions.
    public var mode: FilePermissions

    /// A file with these permissions, by default 0644.
    public init(_ contents: String, mode: FilePermissions = FilePermissions(rawValue: 0o644)) {
      self.contents = contents
      self.mode = mode
    }

    /// A file that all users may read.
    public init(stringLiteral contents: String) { self.init(contents) }
  }

  /// A maintainer script (Debian policy, 6.1).
  public enum Script: String, Sendable, CaseIterable {
    case preinst, postinst, prerm, postrm
  }

  /// Its name.
  public var name: String
  /// Its version, with an epoch or without.
  public var version: String
  /// `all`, or an architecture of dpkg(1).
  public var architecture: String
  /// The fields of its control file other than name, version and architecture; they replace made-up ones.
  public var fields: [String: String]
  /// Its files by absolute path, except conffiles.
  public var files: [String: File]
  /// Its conffiles by absolute path.
  public var conffiles: [String: File]
  /// Its maintainer scripts, without `#!/bin/sh` and `set -e`.
  public var scripts: [Script: String]

  /// A package; by default an empty one without dependencies.
  public init(
    _ name: String, version: String = "1.0", architecture: String = "all", fields: [String: String] = [:],
    files: [String: File] = [:], conffiles: [String: File] = [:], scripts: [Script: String] = [:]
  ) {
    self.name = name
    self.version = version
    self.architecture = architecture
    self.fields = fields
    self.files = files
    self.conffiles = conffiles
    self.scripts = scripts
  }

  /// The name of its archive, without an epoch, as in Debian's archive.
  public var archiveName: String {
    let plain = version.split(separator: ":", maxSplits: 1).last ?? ""
    return "\(name)_\(plain)_\(architecture).deb"
  }

  /// Its control file (deb-control(5)).
  var control: String {
    let given = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined()
    let made = [
      ("Installed-Size", "\(installedSize)"), ("Maintainer", "Tests <tests@example.invalid>"),
      ("Description", "\(name), made for a test"),
    ]
    let rest = made.filter { fields[$0.0] == nil }.map { "\($0.0): \($0.1)\n" }.joined()
    return "Package: \(name)\nVersion: \(version)\nArchitecture: \(architecture)\n" + given + rest
  }

  /// The installed size in KiB, each file rounded up, as dpkg-gencontrol(1) counts.
  private var installedSize: Int {
    let sizes = [files, conffiles].flatMap { $0.values.map { file in file.contents.utf8.count } }
    return sizes.reduce(0) { sum, size in sum + (size + 1023) / 1024 }
  }
}
