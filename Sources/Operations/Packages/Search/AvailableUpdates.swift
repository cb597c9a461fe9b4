import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// What an upgrade would bring to a node.
public struct AvailableUpdates: Sendable {
  /// The plan of the upgrade.
  public let plan: PackagePlan
  /// The packages that have a newer version and stay, with the reasons.
  public let keptBack: [KeptBackPackage]
  /// What is new in the packages that are upgraded, by their names; empty if that was not asked for.
  public let changelogs: [String: String]
}

/// `updates`: what an upgrade would bring.
extension Store {
  /// The plan of an upgrade, with the reasons why packages stay; nothing is done.
  ///
  /// - Parameter withChangelogs: whether to fetch what is new in each package.
  public func availableUpdates(
    of id: NodeID, _ options: PackageOptions, withChangelogs: Bool, progress: (PackageProgress) -> Void
  ) throws -> AvailableUpdates {
    let session = try AptSession(for: id, in: self)
    let root = try subvolume(of: try current(try node(id))).path
    let plan = try session.planWithIndices(.upgrade, options, in: root, listsNotUpgraded: true, progress: progress)
    let marks = try PackageMarks(in: root)
    let staying = Set(plan.notUpgraded)
    let keptBack =
      staying.isEmpty
      ? []
      : try session.reasonsToKeepBack(
        session.upgradable(in: root, .all).filter { staying.contains($0.package?.name ?? "") }, marks, in: root,
        isSecurityOnly: false)
    let changelogs = withChangelogs ? try session.changelogs(of: plan.steps(.upgrade), in: root) : [:]
    return AvailableUpdates(plan: plan, keptBack: keptBack, changelogs: changelogs)
  }
}

extension AptSession {
  /// What is new in packages since the versions that are installed. A package whose changelog cannot be fetched is left
  /// out, with a warning.
  fileprivate func changelogs(of steps: [PackageStep], in root: FilePath) throws -> [String: String] {
    var found: [String: String] = [:]
    for step in steps {
      try Interruption.check()
      guard let version = step.to else { continue }
      do {
        try fetching { network in
          let text = try output(
            of: apt("apt-get") + ["changelog", "--", "\(step.name)=\(version)"], in: root, network: network,
            explaining: "the changelog of \(step.name) cannot be fetched")
          let log = Changelog(text)
          let new = step.from.map(log.entries(after:)) ?? log.entries
          found[step.name] = new.map(\.text).joined(separator: "\n\n")
        }
      } catch let error as AstError where error.code == .failed {
        store.warn(error.reason)
      }
    }
    return found
  }
}
