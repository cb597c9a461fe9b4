import Btrfs
import FoundationEssentials
import Host
import Nodes
import SnapshotTree
import Store
import SystemPackage

/// A problem that `doctor` found.
public struct Finding: Sendable, Equatable {
  /// The problem, in one sentence.
  public let text: String
  /// Whether it was repaired.
  public let isRepaired: Bool
}

/// `doctor`: compares the database with the disk.
extension Store {
  /// Cleans up after killed commands, rewrites derived files that differ, and reports everything that is wrong. Never
  /// deletes anything that it does not know.
  func examine(progress: (String) -> Void) throws -> [Finding] {
    progress("examining the database")
    if let problem = try tree.integrityProblems().first {
      throw AstError(
        .damaged, "the database of \(root) is damaged: \(problem)", state: .unchanged, hint: AstError.rebuildHint)
    }
    progress("cleaning up after killed commands")
    let ended = try clearLeftovers().map {
      Finding(
        text: "operation t\($0.id) (\($0.kind)) was left unfinished by a command that was killed", isRepaired: true)
    }
    // In one change, because what other commands are making looks wrong until it is complete.
    return try ended
      + change {
        progress("comparing what is derived from the database")
        let derived = try derivedFiles() + emptyMenu() + bootCopies()
        progress("comparing the subvolumes with the database")
        return try derived + missing() + missingDeployments() + strangers()
          + strangeDeployments() + undeletable()
      }
  }

  private func derivedFiles() throws -> [Finding] {
    let stale = try outdated()
    try tree.markUnpublished(stale)
    return stale.map { Finding(text: "the link or the record of node \($0) was out of date", isRepaired: true) }
  }

  private func emptyMenu() throws -> [Finding] {
    guard try publishEmptyMenu() else { return [] }
    return [Finding(text: "the boot menu named deployments, and there are none", isRepaired: true)]
  }

  private func bootCopies() throws -> [Finding] {
    try removeDamagedCopies().map {
      Finding(text: "\($0), which the boot menu names, was damaged", isRepaired: true)
    }
  }

  private func missing() throws -> [Finding] {
    try tree.generations().compactMap { generation in
      do {
        let subvolume = try subvolume(of: generation)
        if try subvolume.info().isReadOnly { return nil }
        return Finding(
          text: "\(subvolume.path) is writable: its read-only property was changed", isRepaired: false)
      } catch let error as AstError {
        return Finding(text: error.message, isRepaired: false)
      }
    }
  }

  private func missingDeployments() throws -> [Finding] {
    try tree.deployments().compactMap { deployment in
      let subvolume = Subvolume(at: path(of: deployment))
      guard try Subvolume.isSubvolume(at: subvolume.path) else {
        return Finding(
          text: "deployment \(deployment.id) is missing: there is no subvolume \(subvolume.path)", isRepaired: false)
      }
      guard try SubvolumeUUID(subvolume.info().uuid) != deployment.subvolume else { return nil }
      return Finding(
        text: "the subvolume \(subvolume.path) is not deployment \(deployment.id): it was replaced behind ast's back",
        isRepaired: false)
    }
  }

  private func strangers() throws -> [Finding] {
    let known = Set(try tree.generations().map { path(of: $0) } + tree.doomed().map { root.pushing($0.path) })
    let staged = Set(
      try tree.running().flatMap { operation in
        operation.node.map { node in
          [staging(of: node, operation.id)] + (operation.generation.map { [path(of: node, $0)] } ?? [])
        } ?? []
      })
    let holders = Set(try tree.nodes().map { directory(of: $0.id) })
      .union((known.union(staged)).map { $0.removingLastComponent() })
    let found = try list(nodes).flatMap { holders.contains($0) ? try list($0) : [$0] }
    return found.filter { !known.contains($0) && !staged.contains($0) }.map {
      Finding(text: "\($0) does not belong to a node: ast did not make it, or its row is lost", isRepaired: false)
    }
  }

  private func strangeDeployments() throws -> [Finding] {
    let known = Set(
      try tree.deployments().map { path(of: $0).removingLastComponent() }
        + tree.doomed().map { root.pushing($0.path).removingLastComponent() }
        + tree.running().flatMap { [deployStaging($0.id), etcStaging($0.id)] })
    return try list(root.appending("deploy")).filter { !known.contains($0) }.map {
      Finding(text: "\($0) does not belong to a deployment: ast did not make it, or its row is lost", isRepaired: false)
    }
  }

  private func undeletable() throws -> [Finding] {
    try undeleted().map {
      Finding(text: "\($0) should be deleted, but cannot be", isRepaired: false)
    }
  }

  private func list(_ directory: FilePath) throws -> [FilePath] {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: directory.string, isDirectory: &isDirectory), isDirectory else {
      return []
    }
    return try Files.names(in: directory).sorted().map(directory.appending)
  }
}
