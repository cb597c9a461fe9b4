import DebianFormats
import Host
import Rootfs
import Sandbox
import SystemPackage

extension AptSession {
  /// Has the apt in `root` carry out a plan with the files that were fetched; nothing is decided again. apt sees only
  /// these files and the installed packages, which takes it a tenth of the time that the indices would.
  ///
  /// - Parameters:
  ///   - log: gets the output of apt, dpkg and the packages.
  /// - Throws: `AstError` that names the package that failed, and why.
  func apply(
    _ plan: PackagePlan, in root: FilePath, log: TransactionLog, progress: (PackageProgress) -> Void
  ) throws {
    if !plan.steps.isEmpty { try work(plan, in: root, log: log, progress: progress) }
    // apt takes a package that is named for one that was asked for.
    try mark("auto", plan.steps.filter { !$0.kind.isRemoval && $0.isAutomatic }.map(\.argument), in: root, log: log)
    try mark("manual", plan.marks, in: root, log: log)
  }

  private func work(
    _ plan: PackagePlan, in root: FilePath, log: TransactionLog, progress: (PackageProgress) -> Void
  ) throws {
    // The clone is discarded or made durable as a whole.
    let command =
      ["sh", "-c", Self.statusOnOutput, "sh"]
      + installation(of: plan, ["-o", "APT::Status-Fd=3", "-o", "DPkg::Options::=--force-unsafe-io"])
    var lines = LineBuffer()
    var failures: [(package: String, reason: String)] = []
    let end = try sandbox(root).run(
      command,
      output: { piece in
        for status in lines.lines(adding: piece).compactMap({ AptStatus($0) }) {
          switch status {
          case .fetching: continue
          case .working(let package, let percent, let what):
            progress(.working(fraction: percent / 100, package: package, what: what))
          case .failed(let package, let reason): failures.append((package, reason))
          }
        }
      }, error: log.write)
    guard end != .exited(0) else { return try requireDone(plan, in: root, said: log.tail) }
    throw AstError(
      .failed, "node \(node): \(Self.reason(failures, of: plan, log))", state: .discarded,
      hint: "the whole output is in \(log.path)")
  }

  /// The command of apt-get that carries out a plan and does nothing else. A configuration file that the administrator
  /// changed stays, and the new one is put beside it (dpkg(1)).
  package func installation(of plan: PackagePlan, _ options: [String] = []) -> [String] {
    let removals = plan.steps.filter(\.kind.isRemoval).map { "\($0.argument)-" }
    // One sum of all of them is more than the type checker of Swift 6.2.3 can do in reasonable time.
    var words = apt("apt-get") + Self.withoutIndices + ["-o", "Dpkg::Use-Pty=0"] + options
    for way in ["--force-confdef", "--force-confold"] { words += ["-o", "DPkg::Options::=\(way)"] }
    words += Self.allowances + ["--no-install-recommends", "--reinstall"]
    if !plan.steps(.purge).isEmpty { words.append("--purge") }
    return words + ["install", "--"] + files(of: plan) + removals
  }

  /// Makes sure that a root has become what was planned and shown. The states of its packages are checked later.
  ///
  /// - Parameter said: the end of apt's output.
  package func requireDone(_ plan: PackagePlan, in root: FilePath, said: String) throws {
    let present = Set(try PackageDatabase.installed(in: root)?.map { [$0.name, $0.architecture, $0.version] } ?? [])
    let different = plan.steps.compactMap { step -> String? in
      let versions = Set([step.from, step.to].compactMap(\.self)).filter { version in
        [step.architecture, "all"].contains { present.contains([step.name, $0, version]) }
      }
      guard versions != Set([step.to].compactMap(\.self)) else { return nil }
      let found = versions.isEmpty ? "not installed" : versions.sorted().joined(separator: " and ")
      return "\(step.name) is \(found), and not \(step.to ?? "removed")"
    }
    guard !different.isEmpty else { return }
    let warnings = AptMessages.marked(in: said)
    throw AstError(
      .failed,
      "node \(node): apt did not do what was planned: \(different.joined(separator: ", "))"
        + (warnings.map { " (apt: \($0))" } ?? ", and apt gave no reason"),
      state: .discarded, hint: "the whole output is in the log of the operation, under ast/log in the store")
  }

  /// The files of a plan, by their paths in the sandbox. If apt knows no checksum for a file that the request names, that
  /// file is not among the downloads.
  package func files(of plan: PackagePlan) -> [String] {
    let files = plan.downloads.map { download in
      localFiles.contains(download.path) ? download.path : "\(Self.given)/archives/\(download.fileName)"
    }
    return files + localFiles.filter { !files.contains($0) }
  }

  /// Has apt mark packages (apt-mark(8)).
  package func mark(_ mark: String, _ names: [String], in root: FilePath, log: TransactionLog) throws {
    guard !names.isEmpty else { return }
    let command = apt("apt-mark") + Self.withoutIndices + [mark, "--"] + names
    log.write(Array(try output(of: command, in: root, explaining: "apt-mark failed in node \(node)").utf8))
  }

  /// Options for an apt that knows only the installed packages.
  static let withoutIndices = [
    "Dir::Etc::sourcelist=/dev/null", "Dir::Etc::sourceparts=/dev/null", "Dir::State::lists=/dev/null",
    "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=",
  ].flatMap { ["-o", $0] }

  /// The package that failed first, and the last line of output before dpkg noticed.
  private static func reason(
    _ failures: [(package: String, reason: String)], of plan: PackagePlan, _ log: TransactionLog
  ) -> String {
    guard let first = failures.first else { return AptMessages.sentence(log.tail) }
    // If a package cannot be unpacked, apt names the file, by its name in the cache.
    let file = first.package.split(separator: "/").last.map(String.init) ?? ""
    let package = (plan.downloads.first { $0.key == file }?.fileName ?? file).prefix { $0 != "_" }
    let cause = log.lastWords(before: "dpkg: error processing").map { " (\($0))" } ?? ""
    return "\(package) failed: \(first.reason)\(cause)"
  }

  /// Standard output carries only apt's progress; what programs print there goes to standard error.
  private static let statusOnOutput = "exec 3>&1 1>&2; exec \"$@\""
}
