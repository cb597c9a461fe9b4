import DebianFormats
import Host
import Packages
import Rootfs
import Sandbox
import SnapshotTree
import SystemPackage

/// What `install --live` would do to the node and to the running system.
public struct LivePlan: Sendable {
  /// The plan for the node.
  public let node: PackagePlan
  /// The plan for the running system.
  public let running: PackagePlan

  /// Whether neither has anything to do.
  public var isEmpty: Bool { node.isEmpty && running.steps.isEmpty }

  /// The automatically installed packages of the running system. Its request names all packages, so apt cannot tell.
  var automatic: [PackageStep] {
    let automatic = Set(node.steps.filter(\.isAutomatic).map(\.argument))
    return running.steps.filter { $0.isAutomatic || automatic.contains($0.argument) }
  }
}

extension AptSession {
  /// Makes the plan for the running system from its node's: the same packages in the same versions. Installed packages
  /// are not replaced: programs that have their files open, and those that start next, would use a mix of versions.
  ///
  /// - Parameters:
  ///   - names: what the user asked for.
  ///   - plan: what apt decided for the node.
  ///   - content: the root of the node's generation.
  /// - Throws: `AstError` (refused) if it takes more than additional packages.
  func planLive(
    _ names: [String], _ options: PackageOptions, for plan: PackagePlan, of content: FilePath, in running: RunningRoot
  ) throws -> LivePlan {
    let installed = try PackageDatabase.installed(in: content) ?? []
    let after = LivePackages(plan.steps, after: installed, requested: plan.requested)
    var exactly = options
    (exactly.recommends, exactly.removesUnneeded) = (false, false)
    let found: PackagePlan
    do {
      found = try self.plan(.install(names + after.words), exactly, in: running.path, listsNotUpgraded: false)
    } catch let error as AstError where error.code == .failed || error.code == .notFound {
      throw needsRestart("the running system cannot get the packages of node \(node): \(error.reason)")
    }
    if let obstacle = after.obstacle(to: found.steps) { throw needsRestart(obstacle) }
    return LivePlan(node: plan, running: found)
  }

  /// Refuses packages with files that take effect only after a reboot. The package files of the plan have been fetched.
  func requireLiveFiles(of plan: PackagePlan, in running: RunningRoot) throws {
    guard !plan.steps.isEmpty else { return }
    let listing = try output(
      of: ["sh", "-c", Self.listing, "sh"] + files(of: plan), in: running.path,
      explaining: "cannot list the files of the packages for node \(node)")
    var package = ""
    for line in listing.split(separator: "\n") {
      if line.hasPrefix(Self.heading) {
        package = String(line.dropFirst(Self.heading.count))
      } else if LiveFiles.needRestart(String(line)) {
        throw needsRestart("\(package) has \(line.dropFirst()), which needs a reboot")
      }
    }
  }

  private func needsRestart(_ reason: String) -> AstError {
    AstError(
      .refused, reason, state: .unchanged, hint: "install it without `--live`, then `ast deploy \(node)` and reboot")
  }

  /// The beginning of a line with a package's name; the names of files in a package begin with `./` (deb(5)).
  private static let heading = "package "
  private static let listing = """
    set -e
    for file; do
      printf '\(heading)%s\\n' "$(dpkg-deb --field "$file" Package)"
      dpkg-deb --fsys-tarfile "$file" | tar --list
    done
    """
}
