import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// What the files of a package say about the way from one version of it to another.
public struct VersionNotes: Sendable, Equatable {
  /// The entries of the changelog, the newest first; nil if the package has no changelog.
  public let changelog: String?
  /// The entries of NEWS.Debian: what the administrator should know; nil if it has none.
  public let news: String?
}

/// `diff --changelog`: what changed in packages, as they say themselves.
extension Store {
  /// The notes on each package with two versions, in the order of `changes`; nil for the others. They are read in the node
  /// that has the newer version: an upgrade shows what came, a downgrade what went.
  ///
  /// Nothing depends on these texts. Of one package at most 64 KiB are returned, of all 8 MiB; then the notes are empty.
  public func notes(
    on changes: [PackageChange], from first: GenerationReference, to second: GenerationReference
  ) throws -> [VersionNotes?] {
    let paths = (try subvolume(of: generation(first)).path, try subvolume(of: generation(second)).path)
    let sources = (try SourceVersions(in: paths.0), try SourceVersions(in: paths.1))
    let (documents, otherDocuments) = (PackageDocuments(in: paths.1), PackageDocuments(in: paths.0))
    var left = mostNotes
    return try changes.map { change in
      try Interruption.check()
      guard let from = change.from, let to = change.to else { return nil }
      guard left > 0 else { return VersionNotes(changelog: nil, news: nil) }
      let isUpgrade = change.kind == .upgraded
      let older = isUpgrade ? from : to
      let source = (isUpgrade ? sources.0 : sources.1).version(of: change.name, change.architecture) ?? older
      let notes = try (isUpgrade ? documents : otherDocuments).notes(
        on: change.name, change.architecture, after: older, source: source)
      left -= (notes.changelog?.utf8.count ?? 0) + (notes.news?.utf8.count ?? 0)
      return notes
    }
  }
}

/// As much as anybody reads.
private let mostNotes = 8 << 20

/// The versions of the source packages that the packages of a root were built from: the changelog has these.
private struct SourceVersions {
  private let versions: [String: String]

  init(in root: FilePath) throws {
    let status = try PackageDatabase.status(in: root) ?? Data()
    versions = Dictionary(
      DpkgStatus.sourceVersions(in: status).map { ("\($0.name):\($0.architecture)", $0.version) }
    ) { $1 }
  }

  func version(of name: String, _ architecture: String) -> String? { versions["\(name):\(architecture)"] }
}

/// What packages have below /usr/share/doc (Debian policy 12.7).
private struct PackageDocuments {
  private let root: RootDirectory

  init(in path: FilePath) { root = RootDirectory(path) }

  /// The notes on the versions after one.
  ///
  /// - Parameters:
  ///   - older: the version of the package.
  ///   - source: that of its source package.
  func notes(
    on package: String, _ architecture: String, after older: String, source: String
  ) throws -> VersionNotes {
    guard let name = FilePath.Component(package) else { return VersionNotes(changelog: nil, news: nil) }
    let directory = FilePath("usr/share/doc").appending(name)
    // A rebuild for one architecture has a changelog of its own, with the versions of the packages.
    let rebuild = try entries(in: ["changelog.Debian.\(architecture)"], of: directory, after: older)
    let changelog = try entries(in: ["changelog.Debian", "changelog"], of: directory, after: source)
    let news = try entries(in: ["NEWS.Debian"], of: directory, after: source)
    let entries = rebuild.map { rebuild in
      rebuild + (changelog ?? []).filter { entry in !rebuild.contains { $0.version == entry.version } }
    }
    return VersionNotes(
      changelog: (entries ?? changelog).map(Self.text), news: news.flatMap { $0.isEmpty ? nil : Self.text($0) })
  }

  /// The entries of the first of these files that the package has, compressed or not; nil if it has none.
  private func entries(
    in files: [String], of directory: FilePath, after version: String
  ) throws -> [Changelog.Entry]? {
    for file in files {
      for name in ["\(file).gz", file] {
        guard let path = FilePath.Component(name).map(directory.appending),
          let data = try root.beginning(of: path, count: Self.largestFile)
        else { continue }
        let log = Self.changelog(in: Array(data), isCompressed: name != file, back: version)
        return log.flatMap { $0.entries.isEmpty ? nil : $0.entries(after: version) }
      }
    }
    return nil
  }

  /// The changelog in a file, as far as a version, if that is near its beginning; nil if the file is damaged.
  private static func changelog(in file: [UInt8], isCompressed: Bool, back version: String) -> Changelog? {
    func read(_ limit: Int) -> Changelog? {
      let text = isCompressed ? GzipFile.content(of: file, limit: limit) : Array(file.prefix(limit))
      return text.map { Changelog(String(decoding: $0, as: UTF8.self)) }
    }
    guard let beginning = read(usualLimit) else { return nil }
    return beginning.reaches(version) ? beginning : read(longestText)
  }

  private static func text(_ entries: [Changelog.Entry]) -> String {
    let text = entries.map(\.text).joined(separator: "\n\n")
    guard text.utf8.count > longestNote else { return text }
    return String(decoding: text.utf8.prefix(longestNote), as: UTF8.self) + "\n…"
  }

  /// What the entries of a few releases have, in bytes.
  private static let usualLimit = 1 << 15
  private static let longestText = 1 << 20
  private static let largestFile = 1 << 20
  private static let longestNote = 1 << 16
}
