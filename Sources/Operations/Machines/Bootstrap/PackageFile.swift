import Host
import SystemPackage

/// A package file that is installed in a new system.
struct PackageFile {
  /// The path of the file.
  let path: FilePath
  /// The name of the package in it.
  let package: String
  /// Its version.
  let version: String

  /// Reads the name and version of the package in a file.
  ///
  /// - Throws: `AstError` if there is no package in it.
  init(_ path: FilePath) throws {
    self.path = path
    func field(_ name: String) throws -> String {
      try ChildProcess("dpkg-deb", ["--field", path.string, name]).line()
    }
    do {
      (package, version) = (try field("Package"), try field("Version"))
    } catch let error as AstError {
      throw AstError(.usage, error.message, state: .unchanged)
    }
  }
}
