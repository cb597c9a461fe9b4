import Btrfs
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The snapshots of the roots whose /etc was merged into a deployment that was never good, in `bases` of the store: the
/// bases of the next merge.
///
/// The snapshot `D.K` belongs to deployment D, whose /etc says which K it was made from (`StartStamp`); other ones are
/// garbage. No row of the database names them.
package struct Bases {
  private let root: FilePath
  private var directory: FilePath { root.appending("bases") }

  package init(in root: FilePath) { self.root = root }

  /// Makes a snapshot for a deployment that has no number yet.
  package func stage(_ source: FilePath, for operation: OperationID) throws {
    try Files.ensureDirectory(directory, mode: 0o700)
    try Subvolume(at: source).snapshot(to: staging(operation), readOnly: true)
  }

  /// The path of that snapshot.
  package func staging(_ operation: OperationID) -> FilePath { directory.appending(".\(operation)") }

  /// Gives that snapshot to a deployment, and returns its name.
  package func give(_ operation: OperationID, to deployment: DeploymentID) throws -> String {
    try Files.rename(staging(operation), to: directory.appending("\(deployment).1"))
    return "\(deployment).1"
  }

  /// Makes a snapshot of this root for a deployment, and returns its name.
  package func add(_ source: FilePath, of deployment: DeploymentID) throws -> String {
    try Files.ensureDirectory(directory, mode: 0o700)
    let last = try names().compactMap { Self.parts($0) }.filter { $0.deployment == deployment }.map(\.number).max()
    let name = "\(deployment).\((last ?? 0) + 1)"
    try Subvolume(at: source).snapshot(to: directory.appending(name), readOnly: true)
    return name
  }

  /// The path of a snapshot; nil if it is gone, because its deployment was good.
  package func path(of name: String) throws -> FilePath? {
    guard Self.parts(name) != nil else { return nil }
    let path = directory.appending(name)
    return try Subvolume.isSubvolume(at: path) ? path : nil
  }

  /// Deletes the snapshots of a deployment, except the one with this name.
  package func removeAll(of deployment: DeploymentID, except kept: String? = nil) throws {
    for name in try names() where name != kept && Self.parts(name)?.deployment == deployment { try remove(name) }
  }

  /// Deletes the snapshots that no deployment needs.
  ///
  /// - Parameters:
  ///   - deployments: those that were never good.
  ///   - operations: the running ones.
  func removeUnneeded(deployments: Set<DeploymentID>, operations: Set<OperationID>) throws {
    for name in try names() {
      if let parts = Self.parts(name) {
        if !deployments.contains(parts.deployment) { try remove(name) }
      } else if let operation = OperationID(name.dropFirst()), name.hasPrefix("."), !operations.contains(operation) {
        try remove(name)
      }
    }
  }

  private func remove(_ name: String) throws {
    try Subvolume(at: directory.appending(name)).delete()
    failPoint("base deleted")
  }

  private func names() throws -> [String] {
    access(directory.string, F_OK) == 0 ? try Files.names(in: directory) : []
  }

  private static func parts(_ name: String) -> (deployment: DeploymentID, number: Int)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let deployment = DeploymentID(parts[0]), let number = Int32(parts[1]) else { return nil }
    return (deployment, Int(number))
  }
}

extension Store {
  /// Deletes the bases that no deployment needs any more. A failure can wait for the next change.
  func removeUnneededBases() {
    do {
      let unproven = Set(try tree.deployments().filter { $0.state != .good }.map(\.id))
      try Bases(in: root).removeUnneeded(deployments: unproven, operations: Set(tree.running().map(\.id)))
    } catch {
      warn(AstError(error).message)
    }
  }
}
