import DebianFormats
import FoundationEssentials
import Host
import SnapshotTree
import Store

/// A package of the archives, with the versions that there are.
public struct AvailablePackage: Sendable {
  /// A version in an archive.
  public struct Version: Sendable, Equatable {
    /// The version.
    public let version: String
    /// The architecture.
    public let architecture: String
    /// The origin of the archive, such as `Debian`; nil if its index is not there.
    public let origin: String?
    /// The codename of the archive, or else its suite, such as `trixie-security`; nil if its index is not there.
    public let suite: String?
    /// The component of the archive, such as `main`; nil if its index is not there.
    public let component: String?
    /// The size of the package file in bytes.
    public let size: Int64?
    /// The space the package takes when it is installed, in bytes.
    public let installedSize: Int64?
  }

  /// The name.
  public let name: String
  /// The versions, the newest first.
  public let versions: [Version]
  /// The section, such as `net`.
  public let section: String?
  /// The source package, if it has another name.
  public let source: String?
  /// The address of the program's own pages.
  public let homepage: String?
  /// The first line of the description.
  public let summary: String
  /// The other lines of the description.
  public let description: [String]
  /// The nodes that have it installed, with the versions.
  public let nodes: [(node: Node, packages: [Package])]
}

/// `show`: a package in the lists of a node's sources.
extension Store {
  /// A package, as the lists of a node have it; the name may have an architecture behind a colon.
  ///
  /// - Throws: `AstError`: not found if no list has it, or if the lists were not fetched.
  public func show(_ name: String, in node: NodeID) throws -> AvailablePackage {
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    let lists = try packageLists(of: node)
    var found: [(fields: [String: String], version: AvailablePackage.Version)] = []
    for list in lists.packages {
      let origin = try lists.origin(of: list)
      for fields in try lists.entries(
        of: list, with: parts.first ?? "", of: "Package", fields: Self.shownFields)
      {
        if parts.count > 1, fields["Architecture"] != parts[1] { continue }
        found.append((fields, AvailablePackage.Version(fields, origin?.origin, origin?.component)))
      }
    }
    found.sort { DebianVersion($1.version.version) < DebianVersion($0.version.version) }
    guard let newest = found.first?.fields else {
      throw AstError(
        .notFound, "node \(node)'s sources have no package \(name)", state: .unchanged,
        hint: "`ast search` finds packages by words, `ast refresh \(node)` fetches the lists again")
    }
    let description = try description(newest, in: lists)
    let name = newest["Package", default: name]
    return AvailablePackage(
      name: name,
      versions: found.map(\.version).enumerated().filter { index, version in
        !found.prefix(index).contains { $0.version == version }
      }.map(\.element), section: newest["Section"], source: newest["Source"], homepage: newest["Homepage"],
      summary: description.first ?? "", description: Array(description.dropFirst()), nodes: try nodes(with: name))
  }

  private static let shownFields: Set = [
    "Package", "Version", "Architecture", "Section", "Source", "Homepage", "Size", "Installed-Size", "Description",
    "Description-md5",
  ]

  /// The lines of a package's description: its own, or those of a list of descriptions.
  private func description(_ fields: [String: String], in lists: NodeLists) throws -> [String] {
    let own = fields["Description", default: ""].split(separator: "\n", omittingEmptySubsequences: false)
    guard own.count < 2, let digest = fields["Description-md5"] else { return own.map(String.init) }
    for list in lists.descriptions {
      let found = try lists.entries(
        of: list, with: digest, of: "Description-md5", fields: ["Description-md5", "Description-en"])
      guard let text = found.first?["Description-en"] else { continue }
      return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
    return own.map(String.init)
  }
}

extension NodeLists {
  /// The fields of the entries of a list that have a value: those of its places, or else all are looked at.
  fileprivate func entries(
    of list: String, with value: String, of field: String, fields: Set<String>
  ) throws -> [[String: String]] {
    if let entries = try file(list).entries(with: value) {
      return entries.flatMap { ControlFile.paragraphs(in: $0, fields: fields) }.filter { $0[field] == value }
    }
    var found: [[String: String]] = []
    try file(list).forEachPiece { text, _ in
      for entry in text.entries(withLine: "\(field): \(value)") {
        found += ControlFile.paragraphs(in: text[entry], fields: fields)
      }
    }
    return found
  }
}

extension AvailablePackage.Version {
  fileprivate init(_ fields: [String: String], _ origin: PackageOrigin?, _ component: String?) {
    version = fields["Version", default: ""]
    architecture = fields["Architecture", default: ""]
    self.origin = origin?.origin
    suite = origin.map { $0.codename.isEmpty ? $0.suite : $0.codename }
    self.component = component
    size = fields["Size"].flatMap { Int64($0) }
    installedSize = fields["Installed-Size"].flatMap { Int64($0) }.flatMap {
      let (bytes, isTooMuch) = $0.multipliedReportingOverflow(by: 1024)
      return isTooMuch ? nil : bytes
    }
  }
}
