import Btrfs
import DebianFormats
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// `hold`, `unhold`: packages of a node that apt must leave as they are.
extension Store {
  /// The packages of a node that are held, by name.
  public func heldPackages(of id: NodeID) throws -> [PackageMarks.Name] {
    try PackageMarks(in: try subvolume(of: try current(try node(id))).path).held.sorted()
  }

  /// Sets or removes the hold on packages.
  ///
  /// - Returns: the new generation; nil if nothing had to be changed.
  /// - Throws: `AstError`, not found for a package that is not installed.
  public func setHold(_ isHeld: Bool, on names: [String], in id: NodeID) throws -> Generation? {
    let node = try node(id)
    guard id != .base else { throw AstError.base }
    let marks = try PackageMarks(in: try subvolume(of: try current(node)).path)
    let packages = try names.map { name in
      guard let package = marks.installed.keys.first(where: { $0.name == name || "\($0)" == name }) else {
        throw AstError(.notFound, "node \(id) has no package \(name)", state: .unchanged, hint: "`ast list \(id)`")
      }
      return package
    }
    guard !packages.allSatisfy({ marks.held.contains($0) == isHeld }) else { return nil }
    let session = try AptSession(for: id, in: self)
    let kind = isHeld ? "hold" : "unhold"
    let committed = try transact(kind, on: node, session, progress: { _ in }) { clone, log in
      try session.mark(kind, names, in: clone, log: log)
    }
    if let committed { return committed.generation }
    guard wait != .never else { throw AstError.changedMeanwhile(id) }
    return try setHold(isHeld, on: names, in: id)
  }
}
