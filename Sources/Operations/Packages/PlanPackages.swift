import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import Sandbox
import SystemPackage

extension AptSession {
  /// Plans a request with the indices it needs. Files of the host that need nothing from an archive need no index; if they
  /// do or recommend something, or if apt cannot tell, the indices are fetched as `options` say.
  ///
  /// - Throws: `AstError`; what is missing in the indices comes first in it.
  package func planWithIndices(
    _ request: PackageRequest, _ options: PackageOptions, in root: FilePath, listsNotUpgraded: Bool,
    progress: (PackageProgress) -> Void
  ) throws -> PackagePlan {
    if request.namesOnlyFiles, options.refresh == .whenOld, try !hasFreshIndices(of: root) {
      try useIndices(of: root, .never, progress: progress)
      progress(.planning)
      do {
        let plan = try self.plan(request, options, in: root, listsNotUpgraded: listsNotUpgraded)
        let isComplete = plan.downloads.allSatisfy { $0.isInPlace || cache.has($0) }
        if isComplete, try options.recommends == false || !localFilesRecommend(in: root) { return plan }
      } catch let error as AstError where [.failed, .notFound].contains(error.code) {
        // With the archive's packages it may be possible.
      }
      try startAnew()
    }
    try useIndices(of: root, options.refresh, progress: progress)
    progress(.planning)
    let plan = try self.plan(request, options, in: root, listsNotUpgraded: listsNotUpgraded)
    if case .all(let error) = missing, !plan.isEmpty { store.warn("\(error.reason); the present ones are used") }
    return plan
  }

  /// Asks the apt in `root` what a request would do. Nothing is changed; `root` may be read-only.
  ///
  /// - Parameter listsNotUpgraded: whether to list packages that have a newer version and stay: a second run of apt.
  package func plan(
    _ request: PackageRequest, _ options: PackageOptions, in root: FilePath, listsNotUpgraded: Bool
  ) throws -> PackagePlan {
    let before = try PackageMarks(in: root)
    if request == .securityUpgrade { try listSecurityUpdates(of: root) }
    let (decision, downloads, output) = try decide(request, options, in: root)
    if request == .securityUpgrade { try requireSecurityUpdates(decision, in: root) }
    let steps = decision?.steps ?? []
    let release = try RootDirectory(root).releaseCodename ?? ""
    let secured = steps.filter { decision?.origins[$0.argument]?.contains { $0.isSecurity(of: release) } ?? false }
    let facts = try facts(of: steps, in: root)
    let missing = downloads.filter { !$0.isInPlace && !cache.has($0) }
    try keepTables(of: root)
    let changed = Set(steps.map(\.name))
    let notUpgraded =
      listsNotUpgraded || request == .securityUpgrade
      ? try upgradable(in: root, request.lists).filter { !changed.contains($0.package?.name ?? "") } : []
    let marks = try Set(newlyManual(since: before, in: root)).union(request.marks).sorted()
    let names = Set(notUpgraded.compactMap(\.package?.name)).sorted()
    let reasons =
      request == .securityUpgrade ? try reasonsToKeepBack(notUpgraded, before, in: root, isSecurityOnly: true) : []
    let named = Set(request.names.flatMap(Self.plainNames))
    return PackagePlan(
      steps: steps, marks: marks, downloads: downloads,
      downloadSize: missing.reduce(0) { $0 + $1.size },
      installSize: facts.growth, essential: facts.essential,
      held: steps.filter(before.holds).map(\.name),
      notUpgraded: names, keptBack: request.isUpgrade ? names : [], reasons: reasons,
      present: request.isInstallation
        ? Set(before.installed.keys.map(\.name)).intersection(named).subtracting(changed).subtracting(marks).sorted()
        : [],
      unneeded: request.isRemoval ? AptMessages.unneeded(in: output) : [],
      securityUpdates: Set(secured.map(\.name)),
      isSecurityOnly: request == .securityUpgrade, requested: named)
  }

  /// Whether a file of the host that the request names recommends other packages.
  private func localFilesRecommend(in root: FilePath) throws -> Bool {
    try localFiles.contains { file in
      try !collect(["dpkg-deb", "--field", file, "Recommends"], in: root).output.allSatisfy(\.isWhitespace)
    }
  }

  /// The arguments of apt-get for a request.
  func command(_ request: PackageRequest, _ options: PackageOptions) throws -> [String] {
    var switches = Self.allowances
    if let recommends = options.recommends { switches += ["-o", "APT::Install-Recommends=\(recommends)"] }
    // Otherwise apt would not say what has to go with a package: the plan is refused if that is on hold.
    if options.changesHeld || request.isRemoval { switches.append("--ignore-hold") }
    if request == .securityUpgrade {
      switches.append("--with-new-pkgs")
    } else if options.removesUnneeded {
      switches.append("--auto-remove")
    }
    return switches + [request.command, "--"] + (try arguments(for: request.names))
  }

  /// The options for what apt would refuse by default: ast checks the plan itself.
  static let allowances = ["-y", "--allow-downgrades", "--allow-change-held-packages", "--allow-remove-essential"]

  private func decide(
    _ request: PackageRequest, _ options: PackageOptions, in root: FilePath
  ) throws -> (AptHook.Decision?, [PackageDownload], output: String) {
    let (sha256, sha512) = (["-o", "Acquire::ForceHash=SHA256"], ["-o", "Acquire::ForceHash=SHA512"])
    var (run, decision) = try ask(request, options, sha256, in: root)
    if run.end != .exited(0), decision == nil, request.canDoWithoutIndices {
      // apt does not come to a decision if it cannot read the list of its sources.
      let blind = try ask(request, options, sha256 + Self.withoutIndices, in: root)
      if blind.run.end == .exited(0) { (run, decision) = blind }
    }
    guard run.end == .exited(0), decision?.isFailure != true else {
      let error = refusal(decision, run.output, run.said)
      throw missing?.explain(error, of: node) ?? error
    }
    let printed = PackageDownload.printed(in: run.output)
    guard printed.contains(where: { $0.hash.isEmpty && !localFiles.contains($0.path) }) else {
      return (decision, printed, run.output)
    }
    // The index of one of them has another checksum.
    let others = PackageDownload.printed(in: try ask(request, options, sha512, in: root).run.output)
    let files = printed.map { file in file.hash.isEmpty ? others.first { $0.uri == file.uri } ?? file : file }
    return (decision, files, run.output)
  }

  /// Asks apt for its decision on a request, and for the files that it would fetch.
  func ask(
    _ request: PackageRequest, _ options: PackageOptions, _ switches: [String] = [], in root: FilePath
  ) throws -> (run: (end: ProgramEnd, output: String, said: String), decision: AptHook.Decision?) {
    // If only a mark is to be changed, apt writes it at once, so it gets a copy.
    try workspace.written.write(
      RootDirectory(root).contents(of: Self.extendedStates) ?? Data(), to: FilePath(Self.marksName))
    try workspace.written.write(Data(), to: "decision")
    let run = try collect(
      apt("apt-get", request.lists) + Self.hook + switches + ["-q=1", "--print-uris"]
        + ["-o", "Dir::State::extended_states=\(Self.inside)/\(Self.marksName)"] + command(request, options),
      in: root)
    return (run, try decision())
  }

  /// The error for a request that apt refuses.
  private func refusal(_ decision: AptHook.Decision?, _ output: String, _ said: String) -> AstError {
    if let unknown = decision?.unknown, !unknown.isEmpty {
      return AstError(
        .notFound, "node \(node)'s sources have no package \(unknown.joined(separator: ", "))", state: .unchanged,
        hint: "`ast refresh \(node)` fetches the indices again")
    }
    return AstError(
      .failed, "apt cannot do that in node \(node): \(explanation(output, said))", state: .unchanged)
  }

  /// Why apt cannot do something: the dependencies that it cannot meet, or its errors, and its solver's reasons.
  func explanation(_ output: String, _ said: String) -> String {
    (AptMessages.unmetDependencies(in: output) ?? AptMessages.sentence(said))
      + (AptMessages.conflict(in: said).map { " (\($0))" } ?? "")
  }

  /// The packages that were automatically installed, and count as asked for from now on.
  private func newlyManual(since before: PackageMarks, in root: FilePath) throws -> [String] {
    let status = try RootDirectory(root).contents(of: PackageState.dpkgStatus) ?? Data()
    let extendedStates = try workspace.written.contents(of: FilePath(Self.marksName)) ?? Data()
    let after = PackageMarks(status: status, extendedStates: extendedStates)
    return before.automatic.subtracting(after.automatic).map(\.name).sorted()
  }

  private static let marksName = "extended_states"
  private static let extendedStates = PackageState.sysimage.pushing(PackageState.aptExtendedStates.home)

  /// By how much the steps make the node grow, and which essential packages they remove, as the packages say.
  private func facts(of steps: [PackageStep], in root: FilePath) throws -> (growth: Int64, essential: [String]) {
    guard !steps.isEmpty else { return (0, []) }
    let status = try RootDirectory(root).contents(of: PackageState.dpkgStatus) ?? Data()
    let installed = PackageFacts.table(in: status)
    let coming = steps.filter { !$0.kind.isRemoval }
    let names = coming.compactMap { step in step.to.map { "\(step.name):\(step.architecture)=\($0)" } }
    var available: [String: PackageFacts] = [:]
    if !names.isEmpty {
      // A local file's package may be in no index: then apt-cache fails for it, but prints the others.
      var shown = try collect(apt("apt-cache") + ["--no-all-versions", "show"] + names, in: root).output
      for file in localFiles {
        shown += try collect(["dpkg-deb", "--field", file, "Package", "Installed-Size"], in: root).output + "\n"
      }
      available = PackageFacts.table(in: shown.utf8)
    }
    var growth: Int64 = 0
    for step in steps {
      if !step.kind.isRemoval { growth += available[step.name]?.size ?? 0 }
      if step.from != nil, step.kind != .reinstall { growth -= installed[step.name]?.size ?? 0 }
    }
    let essential = steps.filter { $0.kind.isRemoval && installed[$0.name]?.isEssential ?? false }.map(\.name)
    return (growth, essential)
  }

  /// The packages that have a newer version. apt fails if there are none.
  func upgradable(in root: FilePath, _ lists: Lists) throws -> [PackageDownload] {
    let command =
      apt("apt-get", lists) + ["--print-uris", "-o", "Acquire::ForceHash=SHA256", "download", "?upgradable"]
    return PackageDownload.printed(in: try collect(command, in: root).output)
  }

  /// The possible names of the package in a word of the user: without version, suite and architecture, and without the
  /// sign that says what should happen; but `g++` is a name, too.
  static func plainNames(_ word: String) -> [String] {
    let name = word.prefix { !"=/:".contains($0) }
    guard name.count == word.count, name.last == "-" || name.last == "+" else { return [String(name)] }
    return [word, String(name.dropLast())]
  }
}
