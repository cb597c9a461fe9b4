import Host
import SnapshotTree
import Store

extension Store {
  /// What users should know about /etc, one sentence each: what comes along at the next start, and what did not at this
  /// one.
  public func etcNotices() throws -> [String] {
    let running = try booted()?.deployment
    let next = try (tree.onceDeployment ?? tree.defaultDeployment).flatMap(tree.deployment)
    var notices: [String] = []
    if let running, let next, next.id != running.id, next.state != .good {
      notices.append("what is changed in /etc until the restart comes along to deployment \(next.id)")
    }
    return notices + [try etcFailure()].compactMap(\.self)
  }

  /// Why the /etc of the running deployment is not up to date; nil if it is, or no deployment runs.
  func etcFailure() throws -> String? {
    guard let deployment = try booted()?.deployment, let note = try RunNote(in: root), note.ran == "\(deployment.id)",
      let from = note.from
    else { return nil }
    let reason = try StartReport.current()?.failure ?? "ast did not end (`journalctl -k --grep ast:` tells more)"
    return "/etc does not have what was changed while \(StartReport.words(for: from)) ran: \(reason)"
  }
}
