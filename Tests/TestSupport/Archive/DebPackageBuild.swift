import FoundationEssentials
import SystemPackage

extension DebPackage {
  /// Builds the package with dpkg-deb(1). The same package results in the same archive, byte for byte.
  ///
  /// - Parameter directory: the directory for its archive, which is named ``archiveName``.
  /// - Returns: the archive.
  /// - Throws: ``CommandFailure`` if dpkg-deb refuses the package; the errors of `FileManager`.
  @discardableResult
  public func build(in directory: FilePath) throws -> FilePath {
    let archive = directory.appending(archiveName)
    let root = directory.appending("\(archiveName).content")
    defer { try? FileManager.default.removeItem(atPath: root.string) }
    try writeContent(in: root)
    try writeControl(in: root)
    var environment = plainEnvironment
    environment["SOURCE_DATE_EPOCH"] = "1700000000"
    // Without compression it is quick, and as long as its content, which tests of resumed downloads choose.
    try runSuccessfully(
      ["dpkg-deb", "--build", "--root-owner-group", "-Znone", root.string, archive.string], environment: environment)
    return archive
  }

  private func writeContent(in root: FilePath) throws {
    for (path, file) in files.merging(conffiles, uniquingKeysWith: { $1 }) {
      try write(file, to: root.appending(path))
    }
  }

  private func writeControl(in root: FilePath) throws {
    let directory = root.appending("DEBIAN")
    try write(File(control), to: directory.appending("control"))
    if !conffiles.isEmpty {
      let list = conffiles.keys.sorted().map { "\($0)\n" }.joined()
      try write(File(list), to: directory.appending("conffiles"))
    }
    for (script, text) in scripts {
      let file = File("#!/bin/sh\nset -e\n\(text)\n", mode: FilePermissions(rawValue: 0o755))
      try write(file, to: directory.appending(script.rawValue))
    }
    // dh_md5sums(1) leaves out conffiles, and writes no file if a package has only those.
    if !files.isEmpty {
      let names = files.keys.sorted().map { String($0.drop { $0 == "/" }) }
      try write(File(runSuccessfully(["md5sum", "--"] + names, in: root)), to: directory.appending("md5sums"))
    }
  }

  private func write(_ file: File, to path: FilePath) throws {
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(file.contents.utf8).write(to: URL(filePath: path.string))
    try manager.setAttributes([.posixPermissions: Int(file.mode.rawValue)], ofItemAtPath: path.string)
  }
}
