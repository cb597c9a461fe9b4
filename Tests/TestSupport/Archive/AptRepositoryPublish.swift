import FoundationEssentials
import Glibc
import SystemPackage

extension AptRepository {
  /// Makes these packages the content of the archive. They replace everything that was published or spoiled before.
  ///
  /// - Parameter others: other files of the index, compressed too, and their contents.
  /// - Throws: ``CommandFailure`` if a package cannot be built; the errors of `FileManager`.
  public func publish(_ packages: [DebPackage], others: [String: Data] = [:]) throws {
    let date = try nextDate()
    for name in ["pool", "dists"] { try? FileManager.default.removeItem(atPath: directory.appending(name).string) }
    let entries = try entries(of: packages)
    var names: [String] = []
    for architecture in [try Self.architecture, "all"] {
      // As in Debian's archive, packages for all architectures are in the index of each of them.
      let texts = zip(packages, entries).filter { ["all", architecture].contains($0.0.architecture) }.map(\.1)
      names += try writeIndex(
        Self.indexName(for: architecture), Data(texts.joined(separator: "\n").utf8))
    }
    for (name, content) in others.sorted(by: { $0.key < $1.key }) { names += try writeIndex(name, content) }
    let release = try release(date, names)
    try write(release, to: dists.appending("Release"))
    try write(try ArchiveKey.clearsign(release), to: dists.appending("InRelease"))
    let files =
      (names + ["Release", "InRelease"]).map(dists.appending) + packages.map { directory.appending(path(of: $0)) }
    try runSuccessfully(["touch", "--date=@\(date)", "--"] + files.map(\.string))
  }

  var dists: FilePath { directory.appending("dists/\(suite)") }

  /// The time of the next publication. It is at least a second after the last one, or clients would find nothing
  /// modified; and never in the future, because apt does not accept such a `Release`.
  private func nextDate() throws -> time_t {
    var last = stat()
    guard stat(dists.appending("InRelease").string, &last) == 0 else { return time(nil) - 86_400 }
    return last.st_mtim.tv_sec + 1
  }

  /// Builds the archives of the packages, and returns their entries in an index, in the same order.
  private func entries(of packages: [DebPackage]) throws -> [String] {
    var files: [String] = []
    for package in packages {
      let file = directory.appending(path(of: package))
      try FileManager.default.createDirectory(
        atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
      try package.build(in: file.removingLastComponent())
      files.append(String(path(of: package).dropFirst()))
    }
    let facts = try facts(of: files, in: directory)
    return zip(packages, facts).map { package, fact in
      package.control + "Filename: \(fact.name)\nSize: \(fact.size)\nSHA256: \(fact.checksum)\n"
    }
  }

  private func writeIndex(_ name: String, _ content: Data) throws -> [String] {
    let file = dists.appending(name)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    try content.write(to: URL(filePath: file.string))
    try runSuccessfully(["gzip", "--no-name", "--fast", "--keep", dists.appending(name).string])
    return [name, "\(name).gz"]
  }

  /// The text of `Release`. As with Debian's, apt needs no second index for packages of all architectures.
  private func release(_ date: time_t, _ names: [String]) throws -> String {
    let files = try facts(of: names, in: dists).map { " \($0.checksum) \($0.size) \($0.name)\n" }.joined()
    return """
      Origin: \(origin)
      Label: \(label)
      Suite: \(suite)
      Codename: \(suite)
      Date: \(httpDate(date))
      Architectures: all \(try Self.architecture)
      No-Support-for-Architecture-all: Packages
      Components: main
      SHA256:
      \(files)
      """
  }

  private func facts(of names: [String], in place: FilePath) throws -> [(name: String, size: Int, checksum: String)] {
    if names.isEmpty { return [] }
    let sums = try runSuccessfully(["sha256sum", "--"] + names, in: place).split(separator: "\n")
    return try zip(names, sums).map { name, sum in
      var status = stat()
      guard stat(place.appending(name).string, &status) == 0 else { throw Errno(rawValue: errno) }
      return (name, Int(status.st_size), String(sum.prefix(64)))
    }
  }

  private func write(_ text: String, to path: FilePath) throws {
    try FileManager.default.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: path.string))
  }
}
