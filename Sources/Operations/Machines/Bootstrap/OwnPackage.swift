import FoundationEssentials
import Glibc
import Host
import Rootfs
import SystemFiles
import SystemPackage

/// The Debian package that this ast was installed from, made again from what is installed, as dpkg-repack(1) does it: a
/// new system gets ast as a package too, with its manual, its completions, and dpkg's knowledge of it.
struct OwnPackage {
  private let root: FilePath

  /// The package in the system at `root`; nil if it is not installed there.
  init?(in root: FilePath) throws {
    self.root = root
    let installed = try PackageDatabase.installed(in: root) ?? []
    guard installed.contains(where: { $0.name == Self.name }) else { return nil }
  }

  /// The package of the program that runs; nil if it is not from a package.
  ///
  /// - Throws: `AstError`.
  static func ofThisProgram() throws -> OwnPackage? {
    let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return program == OwnPrograms.astPlace.string ? try OwnPackage(in: "/") : nil
  }

  /// Makes a package file of it.
  ///
  /// - Parameters:
  ///   - file: the path of the new file.
  ///   - scratch: a directory that does not exist yet, for the content of the package. It stays.
  /// - Throws: `AstError`, `FileError`.
  func write(to file: FilePath, scratch: FilePath) throws {
    let control = scratch.appending("DEBIAN")
    try Files.makeDirectory(scratch)
    try Files.makeDirectory(control)
    try copyFiles(to: scratch)
    // Not as they are on this machine: they are its administrator's.
    let configuration = SystemFile.all.filter { $0.path.starts(with: "/etc") }
    for file in configuration { _ = try file.install(in: RootDirectory(scratch)) }
    try Files.write(configuration.map { "\($0.path)\n" }.joined().utf8, to: control.appending("conffiles"))
    for script in try query("--control-list").split(separator: "\n") where !["conffiles", "md5sums"].contains(script) {
      let path = try ChildProcess("dpkg-query", ["--root", root.string, "--control-path", Self.name, String(script)])
        .line()
      try ChildProcess("cp", ["--preserve=mode", "--", path, "\(control)/\(script)"]).run()
    }
    try Files.write(query("--show", "--showformat", Self.control).utf8, to: control.appending("control"))
    try ChildProcess("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", scratch.string, file.string]).run()
  }

  /// Copies what is installed outside of /etc. dpkg has left out what `path-exclude` names (dpkg(1)).
  private func copyFiles(to scratch: FilePath) throws {
    let files = try query("--listfiles").split(separator: "\n").map { ".\($0)" }.filter { path in
      var status = stat()
      return !path.hasPrefix("./etc/") && lstat(root.pushing(FilePath(path)).string, &status) == 0
        && status.st_mode & S_IFMT != S_IFDIR
    }
    let script = "cd -- \"$0\" && exec cp --archive --parents --target-directory=\"$@\""
    try ChildProcess("sh", ["-c", script, root.string, scratch.string, "--"] + files).run()
  }

  private func query(_ arguments: String...) throws -> String {
    try ChildProcess("dpkg-query", ["--root", root.string] + arguments + [Self.name]).output()
  }

  /// The name of the package.
  static let name = "ast"

  /// Its control file, in the words of `dpkg-query --showformat`.
  private static let control = [
    "Package", "Version", "Section", "Priority", "Architecture", "Maintainer", "Installed-Size", "Depends",
    "Recommends",
    "Description",
  ].map { "\($0): ${\($0)}\\n" }.joined()
}
