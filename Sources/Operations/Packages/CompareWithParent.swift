import Btrfs
import DebianFormats
import Host
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// How the packages that were asked for in a node compare with those of its parent.
public struct ParentComparison: Sendable {
  /// The packages that the node should get, as apt takes them: in the parent's version if the archive has that.
  public let wanted: [String]
  /// The packages that were asked for in the parent, and are automatically installed in the node.
  public let adopted: [String]
  /// The parent's packages that were removed from the node on purpose.
  public let declined: [String]
  /// The parent's packages that the node's sources do not have, such as those from a local file.
  public let unavailable: [String]
  /// The node's packages that were removed from the parent on purpose.
  public let removable: [String]
  /// The packages that are held in the node.
  public let held: [String]

  /// The request that gives the node its parent's packages.
  func request(upgrading: Bool, removing: Bool) -> PackageRequest {
    .adopt(wanted + (removing ? removable.map { "\($0)-" } : []), marking: adopted, upgrading: upgrading)
  }
}

extension Store {
  /// Compares a node with its parent.
  func compareWithParent(
    _ node: Node, _ options: PackageOptions, progress: (PackageProgress) -> Void
  ) throws -> ParentComparison {
    guard let id = node.parent else { throw AstError(.refused, "node \(node.id) has no parent") }
    let parentRoot = try subvolume(of: try current(try self.node(id))).path
    let root = try subvolume(of: try current(node)).path
    let (parent, own) = (try PackageMarks(in: parentRoot), try PackageMarks(in: root))
    let declined = try DeclinedPackages(in: root).packages(in: Int(node.id.rawValue))
    let removed = try DeclinedPackages(in: parentRoot).packages(in: Int(id.rawValue))
    let lacking = parent.manual.subtracting(own.installed.keys).sorted()
    let missing = lacking.filter { !declined.contains($0) }
    let session = try AptSession(for: node.id, in: self)
    try session.useIndices(of: root, options.refresh, progress: progress)
    let versions = try session.available(missing, in: root)
    if case .all(let error) = session.missing, missing.contains(where: { versions[$0.name] == nil }) { throw error }
    let wanted = missing.compactMap { package -> String? in
      guard let known = versions[package.name] else { return nil }
      guard let version = parent.installed[package], known.contains(version) else { return "\(package.argument)" }
      return "\(package.argument)=\(version)"
    }
    return ParentComparison(
      wanted: wanted, adopted: parent.manual.intersection(own.automatic).sorted().map(\.argument),
      declined: lacking.filter(declined.contains).map(\.name),
      unavailable: missing.filter { versions[$0.name] == nil }.map(\.name),
      removable: removed.intersection(own.manual).sorted().map(\.argument), held: own.held.sorted().map(\.name))
  }
}

extension AptSession {
  /// The versions of packages that the sources of a root have.
  fileprivate func available(_ packages: [PackageMarks.Name], in root: FilePath) throws -> [String: Set<String>] {
    guard !packages.isEmpty else { return [:] }
    // apt-cache fails for an unknown name, but prints the others.
    let shown = try collect(apt("apt-cache") + ["show"] + packages.map(\.argument), in: root).output
    var versions: [String: Set<String>] = [:]
    for paragraph in ControlFile.paragraphs(in: Array(shown.utf8), fields: ["Package", "Version"]) {
      if let name = paragraph["Package"], let version = paragraph["Version"] {
        versions[name, default: []].insert(version)
      }
    }
    return versions
  }
}

extension PackageMarks.Name {
  /// The package as apt takes it.
  fileprivate var argument: String { architecture == "all" ? name : description }
}
