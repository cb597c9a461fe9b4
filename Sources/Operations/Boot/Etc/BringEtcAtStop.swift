import Etc
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// `boot-stop`: when the machine stops, what was changed in /etc is brought along to the deployment that starts next.
///
/// The start of that deployment does the same, and survives a pulled plug. This is for what it cannot find, the /etc of
/// a trial, which is in memory; and for a menu of an older ast, which does not start the program for it. Only the next
/// deployment's root is written: after a soft reboot the same one runs on.
extension Store {
  /// Brings them along.
  ///
  /// - Returns: the report; nil if nothing has to be brought along.
  public func bringEtcAtStop() throws -> StartReport? {
    guard let running = try booted(),
      let next = try (tree.onceDeployment ?? tree.defaultDeployment).flatMap(tree.deployment)
    else { return nil }
    let work = BringEtcUpToDate(next.id, in: root)
    switch running {
    case .trial:
      return try TrialEtc.copy(for: next.id).map { try work.run(fromTrial: "/", since: $0) }
    case .deployment(let deployment):
      guard deployment.id != next.id, next.state != .good else { return nil }
      return try work.run(whileRunning: "\(deployment.id)")
    }
  }
}

/// Copies of the /etc of a trial, as deployments were made from it. They are in memory like the original, and go with
/// it.
enum TrialEtc {
  private static let directory: FilePath = "/run/ast/trial"

  /// Copies the /etc of the running system.
  ///
  /// - Returns: the directory with the copy, called `etc`.
  static func copy(for operation: OperationID) throws -> FilePath {
    let place = directory.appending(".\(operation)")
    try Files.ensureDirectories(directory.removingLastComponent())
    // Others must not read what only root may read.
    try Files.ensureDirectory(directory, mode: 0o700)
    try Files.makeDirectory(place)
    try ChildProcess("cp", ["--archive", "--one-file-system", "/etc", place.string]).run()
    return place
  }

  /// Keeps the copy of an operation, if it has made one, for the deployment that was made.
  static func keep(_ operation: OperationID, for deployment: DeploymentID) throws {
    let copy = directory.appending(".\(operation)")
    guard access(copy.string, F_OK) == 0 else { return }
    try Files.rename(copy, to: directory.appending("\(deployment)"))
  }

  /// Removes the copy of an operation that failed.
  static func remove(_ operation: OperationID) throws {
    guard access(directory.string, F_OK) == 0, let name = FilePath.Component(".\(operation)") else { return }
    try OpenDirectory(directory).remove(name)
  }

  /// The directory with the copy that this deployment was made from; nil if it was not made in this trial.
  static func copy(for deployment: DeploymentID) throws -> FilePath? {
    let place = directory.appending("\(deployment)")
    return access(place.string, F_OK) == 0 ? place : nil
  }
}
