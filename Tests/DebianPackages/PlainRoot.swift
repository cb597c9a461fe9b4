import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// A Debian of the usual kind, in a subvolume, where apt works through chroot(8).
///
/// It has what packages expect of a chroot (/proc, /sys, devices, a policy-rc.d), but cannot reach the machine's disks
/// and modules.
struct PlainRoot {
  let path: FilePath

  /// A fresh one.
  ///
  /// - Parameters:
  ///   - archive: the tar archive of a minimal Debian.
  ///   - configuration: for its apt.
  static func make(at path: FilePath, of archive: FilePath, configuration: String) throws -> PlainRoot {
    try Subvolume.create(at: path)
    try runSuccessfully(["tar", "-C", path.string, "-xf", archive.string])
    try runSuccessfully(["cp", "/etc/resolv.conf", path.appending("etc").string])
    let root = PlainRoot(path: path)
    try root.shell("cat >/etc/apt/apt.conf.d/dates", input: configuration)
    try root.shell("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d")
    try root.shell("apt-get -qq update")
    return root
  }

  /// A writable copy of it.
  func copy(at path: FilePath) throws -> PlainRoot {
    try Subvolume(at: self.path).snapshot(to: path, readOnly: false)
    return PlainRoot(path: path)
  }

  /// Deletes it.
  func delete() throws { try Subvolume(at: path).delete() }

  /// Those of these packages that the release has.
  func available(_ names: [String]) throws -> Set<String> {
    let text = try shell("apt-cache madison \(names.joined(separator: " "))")
    return Set(text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
  }

  /// Has apt work in it.
  func change(_ change: PackageChange) throws -> WayEnd {
    let words =
      switch change {
      case .install(let names): ["install"] + names
      case .upgrade: ["full-upgrade"]
      case .purge(let names): ["purge", "--auto-remove"] + names
      }
    let options = [
      "--yes", "--no-install-recommends", "--option=DPkg::Options::=--force-confdef",
      "--option=DPkg::Options::=--force-confold", "--option=DPkg::Options::=--force-unsafe-io",
      "--option=Dpkg::Use-Pty=0",
    ]
    let result = try run(["apt-get"] + options + words)
    let reasons = result.stderr.split(separator: "\n").filter { $0.hasPrefix("E:") || $0.hasPrefix("dpkg:") }
    return WayEnd(
      isGood: result.status == 0, output: result.stdout + result.stderr, reason: reasons.joined(separator: " | "))
  }

  /// Runs a script in it.
  @discardableResult
  func shell(_ script: String, input: String = "") throws -> String {
    let result = try run(["sh", "-euc", script], input: input)
    guard result.status == 0 else { throw Failure(description: "\(script): \(result.stderr)") }
    return result.stdout
  }

  private func run(_ command: [String], input: String = "") throws -> CommandResult {
    let namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    return try TestSupport.run(
      ["unshare"] + namespaces + ["sh", "-euc", Self.mounts, "sh", path.string] + command, input: input)
  }

  /// Makes the mounts, and runs the arguments after the first one in the root that this one names.
  private static let mounts = """
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount --rbind /sys sys
    mount -o remount,bind,ro sys
    for place in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $place; done
    chmod 1777 tmp
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
    number() { mknod -m 666 "dev/$1" c "$2" "$3"; }
    number null 1 3; number zero 1 5; number full 1 7; number random 1 8; number urandom 1 9; number tty 5 0
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    shift
    exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_boot,-sys_time,-net_admin,-mac_admin,-syslog \\
      env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \\
      chroot . "$@"
    """
}
