import Glibc
import SystemPackage

/// The control group in which each program in a node gets one of its own.
///
/// With systemd, that is the group of a service which does nothing: systemd makes all groups, and leaves what is below one
/// with `Delegate=` alone (systemd.resource-control(5)). It is not below the group of this process, because one with
/// processes cannot have limits for groups in it (cgroups(7)), and it is in a slice of its own, so that all programs in
/// nodes together have no more of a busy processor than all services.
package enum NodeControlGroup {
  /// Finds or makes it; nil where there is no writable hierarchy of version 2, as in many containers.
  package static func find() -> FilePath? {
    // Version 1 has no such file.
    guard access(top.appending("cgroup.controllers").string, F_OK) == 0 else { return nil }
    guard let group = access("/run/systemd/system", F_OK) == 0 ? delegated() : own() else { return nil }
    enableControllers(in: group)
    return group
  }

  private static let top: FilePath = "/sys/fs/cgroup"

  /// The group of the service, which is started once after each start of the machine, and needs no unit file.
  private static func delegated() -> FilePath? {
    let group = top.appending(slice).appending("\(service).service")
    let keeper = group.appending("keeper")
    if hasProcesses(keeper) { return group }
    // systemd makes the group a moment before its process is there; limits for groups below would keep it out.
    guard let lock = try? Lock.take("\(service).lock", in: "/run", wait: .seconds(longestStart)) else { return nil }
    return withExtendedLifetime(lock) {
      if !hasProcesses(keeper) {
        start()
        moveProcesses(of: group, to: keeper)
      }
      return hasProcesses(keeper) ? group : nil
    }
  }

  private static let service = "ast-nodes"
  private static let slice = "ast.slice"
  /// systemd gives up after 90 seconds (systemd-system.conf(5)).
  private static let longestStart = 100.0

  /// Starts the service. It waits for no other unit: ast also works when others still start. Its process keeps the group,
  /// which systemd would remove.
  private static func start() {
    let properties = [
      "Type=exec", "Delegate=cpu memory pids", "TasksMax=infinity", "OOMPolicy=continue", "DefaultDependencies=no",
      "IgnoreOnIsolate=yes",
    ]
    let options = [
      "--quiet", "--no-ask-password", "--collect", "--unit=\(service)", "--slice=\(slice)",
      "--description=Keeps the control group of programs in nodes",
    ]
    // Without the service, there are no groups.
    try? ChildProcess(
      "systemd-run", options + properties.map { "--property=\($0)" } + ["sleep", "infinity"]
    ).run()
  }

  private static func hasProcesses(_ group: FilePath) -> Bool { !processes(of: group).isEmpty }

  private static func processes(of group: FilePath) -> [Substring] {
    ((try? Files.text(of: group.appending("cgroup.procs"))) ?? "").split(separator: "\n")
  }

  /// Moves the process of the service to a group below: a group with processes cannot have limits for groups in it.
  private static func moveProcesses(of group: FilePath, to keeper: FilePath) {
    let processes = processes(of: group)
    guard !processes.isEmpty else { return }
    mkdir(keeper.string, 0o755)
    for process in processes { write(String(process), to: keeper.appending("cgroup.procs")) }
  }

  private static func own() -> FilePath? {
    enableControllers(in: top)
    let group = top.appending("ast")
    return mkdir(group.string, 0o755) == 0 || errno == EEXIST ? group : nil
  }

  /// One by one: the kernel may lack one.
  private static func enableControllers(in group: FilePath) {
    for controller in ["cpu", "memory", "pids"] {
      write("+\(controller)", to: group.appending("cgroup.subtree_control"))
    }
  }

  /// Writes to a file of the kernel, which may refuse: then there is no limit of that kind.
  private static func write(_ text: String, to file: FilePath) {
    let file = try? FileDescriptor.open(file, .writeOnly, options: .closeOnExec)
    _ = try? file?.writeAll(text.utf8)
    try? file?.close()
  }
}
