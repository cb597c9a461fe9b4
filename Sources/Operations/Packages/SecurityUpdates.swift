import DebianFormats
import Host
import Rootfs
import SystemPackage

/// A package that an upgrade leaves as it is, although there is a newer version.
public struct KeptBackPackage: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// The newer version.
  public let version: String
  /// Why it stays.
  public let reason: String
}

/// `upgrade --security`: apt plans it as an upgrade, but knows only the installed packages and the lists of security
/// updates. So it takes the newest of these, whatever other archives have, and nothing of any other.
extension AptSession {
  /// Makes the directory with the lists of security updates: links to those that the session has.
  ///
  /// - Throws: `AstError`, refused if no source of the node has security updates.
  func listSecurityUpdates(of root: FilePath) throws {
    let release = try RootDirectory(root).releaseCodename ?? ""
    let printed = try output(
      of: apt("apt-get") + ["indextargets", "--format", PackageOrigin.format, "Created-By: Packages"], in: root,
      explaining: "cannot list the sources of node \(node)")
    let lists = PackageOrigin.lists(in: printed).filter { $0.origin.isSecurity(of: release) }
      .compactMap { FilePath($0.file).lastComponent?.string }
    guard !lists.isEmpty else {
      let error = AstError(
        .refused, "node \(node) has no source of security updates\(release.isEmpty ? "" : " for \(release)")",
        state: .unchanged, hint: "ast-packages(8) says which sources these are")
      throw missing?.explain(error, of: node) ?? error
    }
    let releases = try workspace.written.entries(of: "lists").map(\.name).filter { $0.hasSuffix("Release") }
    let directory = workspace.given.appending(Self.securityLists)
    try Files.makeDirectory(directory)
    for name in Set(lists + releases) {
      try Files.makeLink(directory.appending(name), to: "\(Self.inside)/lists/\(name)")
    }
  }

  /// Refuses a decision that is more than security updates: the node's own apt has made it.
  func requireSecurityUpdates(_ decision: AptHook.Decision?, in root: FilePath) throws {
    guard let decision else { return }
    let others = try strangers(in: decision, root) + removals(in: decision)
    guard !others.isEmpty else { return }
    throw AstError(
      .failed,
      "the apt of node \(node) would change more than security updates do: \(others.joined(separator: ", "))",
      state: .unchanged)
  }

  /// Why apt leaves packages as they are that have a newer version: the reasons that can be known, or apt's own.
  ///
  /// - Parameters:
  ///   - marks: the marks of the packages before the upgrade.
  ///   - isSecurityOnly: whether they are security updates, and may bring nothing else.
  func reasonsToKeepBack(
    _ packages: [PackageDownload], _ marks: PackageMarks, in root: FilePath, isSecurityOnly: Bool
  ) throws -> [KeptBackPackage] {
    try packages.compactMap(\.package).sorted { $0.name < $1.name }.map { package in
      let isHeld = marks.held.contains {
        $0.name == package.name && [package.architecture, "all"].contains($0.architecture)
      }
      let reason = try isHeld ? "on hold" : reasonToKeepBack(package, in: root, isSecurityOnly: isSecurityOnly)
      return KeptBackPackage(name: package.name, version: package.version, reason: reason)
    }
  }

  private func reasonToKeepBack(
    _ package: (name: String, version: String, architecture: String), in root: FilePath, isSecurityOnly: Bool
  ) throws -> String {
    let word = package.name + (package.architecture == "all" ? "" : ":\(package.architecture)") + "=\(package.version)"
    let (run, decision) = try ask(.install([word]), PackageOptions(), in: root)
    guard run.end == .exited(0), let decision, !decision.isFailure else {
      return "apt: \(explanation(run.output, run.said))"
    }
    let strangers = try isSecurityOnly ? strangers(in: decision, root) : []
    if !strangers.isEmpty { return "needs \(strangers.joined(separator: ", ")), which is not a security update" }
    let removals = removals(in: decision)
    if !removals.isEmpty { return "would remove \(removals.joined(separator: ", "))" }
    // It would work alone, so it is the other updates that stand in its way.
    return "apt gives no reason"
  }

  /// The packages that a decision installs from elsewhere, with their versions.
  private func strangers(in decision: AptHook.Decision, _ root: FilePath) throws -> [String] {
    let release = try RootDirectory(root).releaseCodename ?? ""
    return decision.steps.filter { step in
      guard !step.kind.isRemoval else { return false }
      let origins = decision.origins[step.argument] ?? []
      return ![.install, .upgrade].contains(step.kind) || !origins.contains { $0.isSecurity(of: release) }
    }.map { "\($0.name) \($0.to ?? "")" }
  }

  private func removals(in decision: AptHook.Decision) -> [String] {
    decision.steps.filter(\.kind.isRemoval).map(\.name)
  }
}
