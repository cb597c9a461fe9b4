import Etc
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

extension Store {
  /// What users should know about /etc, one sentence each: what comes along at the next start, what did not at this one,
  /// and what has still to be made of it.
  public func etcNotices() throws -> [String] {
    let running = try booted()?.deployment
    let next = try (tree.onceDeployment ?? tree.defaultDeployment).flatMap(tree.deployment)
    var notices: [String?] = []
    if let running, let next, next.id != running.id, next.state != .good {
      notices.append("changes until the restart come along to deployment \(next.id)")
      notices.append(try initrdNotice(next))
    } else if let running {
      notices.append(try initrdNotice(running))
    }
    notices.append(try etcFailure())
    guard let running, let report = try StartReport.current(), report.deployment == running.id.rawValue else {
      return notices.compactMap(\.self)
    }
    notices.append(report.leftBehindSentence)
    let pending = try ProductsAtStart().pending.map(\.name)
    if !pending.isEmpty {
      notices.append(
        "not made anew yet: \(pending.joined(separator: ", ")) (`systemctl status ast-products` tells more)")
    }
    return notices.compactMap(\.self)
  }

  /// Why the /etc of the running deployment is not up to date; nil if it is, or no deployment runs.
  func etcFailure() throws -> String? {
    guard let deployment = try booted()?.deployment, let note = try RunNote(in: root), note.ran == "\(deployment.id)",
      let from = note.from
    else { return nil }
    let reason = try StartReport.current()?.failure ?? "ast did not end (`journalctl -k --grep ast:` tells more)"
    return "/etc does not have what was changed while \(StartReport.words(for: from)) ran: \(reason)"
  }

  /// The first file in the running /etc that the initrd of a deployment was made from and that was changed later; nil
  /// if there is none.
  private func initrdNotice(_ deployment: Deployment) throws -> String? {
    guard let file = InitrdSources.paths.first(where: { Self.isNewer(FilePath("/etc").pushing($0), deployment) }) else {
      return nil
    }
    return "/etc/\(file) was changed after the initrd of deployment \(deployment.id) was made: "
      + "`ast deploy \(deployment.node)` makes one with the change"
  }

  /// Whether a file, or one in that directory, was changed after a deployment was made. What a user may not read is
  /// left out.
  private static func isNewer(_ path: FilePath, _ deployment: Deployment) -> Bool {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { return false }
    if Double(status.st_mtim.tv_sec) > deployment.created.timeIntervalSince1970 { return true }
    guard status.st_mode & S_IFMT == S_IFDIR, let names = try? Files.names(in: path) else { return false }
    return names.compactMap { FilePath.Component($0) }.contains { isNewer(path.appending($0), deployment) }
  }
}

/// The changes in the /etc of the deployment that ran last which the running one does not have.
extension Store {
  /// Their number; nil if the system that ran last is not a deployment, or is gone.
  func changesLeftBehind(_ report: StartReport) throws -> Int? {
    guard let other = report.from.flatMap({ DeploymentID($0) }),
      let deployment = try tree.deployment(other)
    else { return nil }
    let source = try etcSource(of: deployment)
    let trees = try EtcTree.read([source.pristine, source.root, "/"])
    let (its, own) = (trees[1].node, trees[2].node)
    return EtcChange.changes(from: trees[0].node, to: its).count { change in
      guard !change.isMachinesOwn, !AccountFiles.names.contains(change.path) else { return false }
      guard let file = its[change.path], let present = own[change.path] else {
        return (its[change.path] == nil) != (own[change.path] == nil)
      }
      // The contents of a directory are changes of their own.
      return file.children != nil && present.children != nil ? file.attributes != present.attributes : file != present
    }
  }
}
