import DebianFormats

/// The packages of a node after a plan was carried out: only they can be installed in the running system.
struct LivePackages {
  /// The packages that were asked for and those that come with them, with versions, as apt takes them.
  let words: [String]
  private let packages: Set<[String]>

  /// - Parameters:
  ///   - steps: the steps of the node's plan.
  ///   - installed: the packages that the node has before them.
  ///   - requested: the names of the packages that were asked for.
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

  /// Why these steps cannot be done in the running system: one changes an installed package, or brings one that the node
  /// does not have. Nil if they can.
  func obstacle(to steps: [PackageStep]) -> String? {
    if let step = steps.first(where: { $0.kind != .install }) {
      let change = step.to.map { "version \($0) instead of \(step.from ?? "another")" } ?? "removed"
      return "the running system would need another \(step.name) (\(change))"
    }
    return steps.first { !has($0) }.map { step in
      "the running system would get \(step.name) \(step.to ?? ""), which is not in its node in this version"
    }
  }

  /// For a package of all architectures apt names the machine's own; dpkg names `all`.
  private func has(_ step: PackageStep) -> Bool {
    [step.architecture, "all"].contains { packages.contains([step.name, $0, step.to ?? ""]) }
  }
}
