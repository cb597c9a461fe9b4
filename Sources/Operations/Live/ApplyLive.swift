import FoundationEssentials
import Glibc
import Host
import Packages
import Sandbox
import SystemPackage

extension AptSession {
  /// Has the running system's own apt install the packages of a plan there. Its /usr is that of `snapshot`, which the
  /// caller can write to by its own mounts.
  ///
  /// There is no sandbox: services start, and scripts act on the machine. Changes in /etc stay, so dpkg syncs its files.
  ///
  /// - Throws: `AstError` that says what failed.
  func applyLive(_ plan: LivePlan, in snapshot: FilePath, log: TransactionLog) throws {
    var sandbox = try sandbox(snapshot)
    try mountPlaces(of: sandbox)
    sandbox.environment["debian_chroot"] = nil
    // Tells the hooks that keep apt and dpkg off the running system that this is intended.
    sandbox.environment["AST_LIVE"] = "1"
    let environment = sandbox.environment.map { "\($0.key)=\($0.value)" }.sorted()
    do {
      try ChildProcess("env", ["-i"] + environment + installation(of: plan.running)).run(showing: log.file)
    } catch let error as AstError where error.code == .failed {
      throw AstError(.failed, "\(Self.failure(in: log.path) ?? error.message) (the whole output is in \(log.path))")
    }
    try requireDone(plan.running, in: snapshot, said: Self.text(of: log.path))
    try mark("auto", plan.automatic.map(\.argument), in: snapshot, log: log)
  }

  /// Mounts the session's files where they are in a sandbox, for this process and its children.
  private func mountPlaces(of sandbox: Sandbox) throws {
    guard mkdir("/run/ast", 0o755) == 0 || errno == EEXIST, mount("tmpfs", "/run/ast", "tmpfs", 0, "mode=755") == 0
    else { throw AstError(.failed, "cannot mount /run/ast: \(Errno(rawValue: errno))") }
    for bind in sandbox.binds where bind.target.starts(with: "/run/ast") {
      var status = stat()
      let isDirectory = stat(bind.source.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      let directory = isDirectory ? bind.target : bind.target.removingLastComponent()
      try Files.ensureDirectories(directory)
      if !isDirectory { try Files.write([], to: bind.target) }
      try Files.attempt("mount \(bind.source) at", bind.target) { try PrivateMounts.bind(bind.source, at: bind.target) }
    }
  }

  private static func text(of log: FilePath) -> String {
    (try? Data(contentsOf: URL(filePath: log.string))).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// The first error in the output of dpkg or apt.
  private static func failure(in log: FilePath) -> String? {
    let line = text(of: log).split(separator: "\n").first {
      $0.hasPrefix("dpkg: error processing") || $0.hasPrefix("E: ")
    }
    return line.map { $0.hasSuffix(":") ? String($0.dropLast()) : String($0) }
  }
}
