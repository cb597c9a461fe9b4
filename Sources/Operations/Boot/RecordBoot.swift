import Host
import SnapshotTree
import Store

/// `boot-complete`: this machine came up and passed the checks.
extension Store {
  /// Records that, and tells the users at login if the boot is a trial or a fallback, or what became of /etc.
  public func recordBoot() throws -> BootReport {
    var start = try StartReport.current()
    // Before the database says that it is good: from then on it starts with its own /etc.
    if let deployment = try booted()?.deployment, deployment.state != .good {
      try Bases(in: root).removeAll(of: deployment.id)
      failPoint("bases deleted")
    }
    let report = try completeBoot(.current())
    switch report {
    case .proven(let deployment), .good(let deployment): try renewLoader(afterStartOf: deployment.id)
    case .fellBack, .trial, .foreign: break
    }
    if start?.isChanged ?? false { try refreshKernelArguments() }
    if var known = start, known.leftBehind == nil, let count = try changesLeftBehind(known) {
      known.leftBehind = count
      try known.write()
      start = known
    }
    let messages = [report.messageOfTheDay, start?.messageOfTheDay].compactMap(\.self)
    try MessageOfTheDay.boot.set(messages.isEmpty ? nil : messages.joined())
    return report
  }

  /// Kernel arguments come from /etc: those of the next start are the ones of the /etc that was brought up to date.
  private func refreshKernelArguments() throws {
    guard let deployment = try booted()?.deployment, deployment.boot != nil,
      let generation = try tree.generation(of: deployment.node, deployment.generation),
      let boot = try bootFiles(
        in: path(of: deployment), of: deployment.node, settingsIn: try subvolume(of: generation).path),
      boot != deployment.boot
    else { return }
    try change { try tree.setBoot(boot, of: deployment.id) }
  }
}
