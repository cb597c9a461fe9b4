import DebianFormats

/// What a node has once a plan is carried out, and so what the system that runs it can be given.
struct LivePackages {
  /// What was asked for and what comes with it, with versions, as apt takes it.
  let words: [String]
  private let packages: Set<[String]>

  /// - Parameters:
  ///   - steps: what happens to the node.
  ///   - installed: what it has before.
  ///   - requested: the names of what was asked for.
  init(_ steps: [PackageStep], after installed: [InstalledPackage], requested: Set<String>) {
    let leaving = Set(steps.compactMap { step in step.from.map { [step.name, $0] } })
    let staying = installed.filter { $0.state == "installed" && !leaving.contains([$0.name, $0.version]) }
    let coming = steps.filter { !$0.kind.isRemoval }
    packages = Set(
      staying.map { [$0.name, $0.architecture, $0.version] }
        + coming.map { [$0.name, $0.architecture, $0.to ?? ""] })
    let named = staying.filter { requested.contains($0.name) }.map { package in
      "\(package.name)\(package.architecture == "all" ? "" : ":\(package.architecture)")=\(package.version)"
    }
    words = named + coming.compactMap { step in step.to.map { "\(step.argument)=\($0)" } }
  }

  /// Why the running system cannot take these steps: they change what is there, or bring something else than the node
  /// has. Nil where it can.
  func obstacle(to steps: [PackageStep]) -> String? {
    if let step = steps.first(where: { $0.kind != .install }) {
      let change = step.to.map { "version \($0) instead of \(step.from ?? "another")" } ?? "removed"
      return "the running system would need another \(step.name) (\(change))"
    }
    return steps.first { !has($0) }.map { step in
      "the running system would get \(step.name) \(step.to ?? ""), which its node does not have like that"
    }
  }

  /// apt calls a package that fits all machines one of this machine; dpkg does not.
  private func has(_ step: PackageStep) -> Bool {
    [step.architecture, "all"].contains { packages.contains([step.name, $0, step.to ?? ""]) }
  }
}
