import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while the /etc of a deployment is brought up to date at its start: it is the old or the
/// new one, complete, and the next start makes it the new one.
@Suite(.serialized, .requiresLoggedDisk) struct StartPowerCutTests {
  @Test func etcIsOldOrNewAndComplete() throws {
    try scenario(
      "start", size: 512 << 20, limit: 40, prepare: Start.prepare, commands: Start.commands, check: Start.problems)
  }

  /// Without syncs the exchange can be on the disk before the contents of the new files.
  @Test func withoutSyncsTheNewEtcIsNotComplete() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let unsafe = try Scenario(
      name: "start without syncs", size: 512 << 20, limit: 40, prepare: Start.prepare, commands: Start.commands,
      environment: scratch.withoutSyncs(), check: Start.problems)
    let reports = try unsafe.reports([.prefix, .subset])
    for report in reports { print(report) }
    #expect(reports.contains { !$0.problems.isEmpty })
  }
}

/// Two deployments: the first one has run and was changed, the second one starts.
private enum Start {
  /// Too long for btrfs to keep inline in metadata, so that the data are written separately.
  private static let lines = 2000

  private static let changes = """
    cd "$0"
    n=0; while [ $n -lt \(lines) ]; do echo "line $n of it, for its place"; n=$((n + 1)); done >large
    echo ann:x:1001:1001::/home/ann:/bin/sh >>passwd; echo mine >edited; rm deleted
    """

  private static func store(in mountPoint: FilePath) -> TestStore {
    TestStore(existing: mountPoint.appending("@snapshots"))
  }

  private static func etc(_ deployment: Int, in mountPoint: FilePath) -> FilePath {
    mountPoint.appending("@snapshots/deploy/\(deployment)/root/etc")
  }

  static func prepare(_ mountPoint: FilePath) throws {
    for name in ["@snapshots", "@var", "@grub"] {
      try runSuccessfully(["btrfs", "subvolume", "create", mountPoint.appending(name).string])
    }
    let store = try TestStore(at: mountPoint.appending("@snapshots"))
    try store.ast("clone", "0").expectSuccess()
    let furnishing = """
      ln -sf /bin/sh /sbin/init; mkdir -p /boot /usr/lib/ast /lib/modules/1; echo >/lib/modules/1/modules.dep
      echo a kernel >/boot/vmlinuz-1; echo an initrd >/boot/initrd.img-1; echo theirs >/etc/edited; echo >/etc/deleted
      echo '#!/bin/sh' >/usr/lib/ast/init; ln -s ../../sbin/ast /usr/lib/ast/merge
      """
    try store.ast("run", "1", "sh", "-ec", furnishing).expectSuccess()
    for _ in 1...2 { try store.ast("deploy", "1").expectSuccess() }
    try runSuccessfully(["sh", "-ec", changes, etc(1, in: mountPoint).string])
    try runSuccessfully(["sh", "-c", "printf 'ran=2\\nfrom=1\\n' >\(store.root)/ast/ran"])
  }

  private static let script = """
    mount -t tmpfs none /run; if [ -e /dev/kmsg ]; then mount --bind /dev/null /dev/kmsg; fi; exec "$@"
    """

  static func commands(_ mountPoint: FilePath) -> [[String]] {
    let start = [AstBinary.path.string, "--store", mountPoint.appending("@snapshots").string, "boot-etc", "2"]
    return [["unshare", "--mount", "sh", "-c", script, "sh"] + start]
  }

  static func problems(in state: CrashState) throws -> [String] {
    var problems: [String] = []
    let found = try contents(in: state)
    let new = try expected(in: state)
    if found != new, state.returned == 1 { problems.append("the start had returned, and /etc is not the new one") }
    if found != new, found.contains(where: { $0.hasPrefix("large ") || $0.contains("mine") }) {
      problems.append("/etc is neither the old nor the new one: \(found)")
    }
    _ = try runSuccessfully(commands(state.mountPoint)[0])
    if try contents(in: state) != new { problems.append("the next start does not make it the new one") }
    let left = try runSuccessfully(["ls", etc(2, in: state.mountPoint).removingLastComponent().string])
    if left.contains("etc.new") { problems.append("something is left beside /etc") }
    let check = try store(in: state.mountPoint).astInTheNextBoot(["doctor"])
    if check.status != 0 || !check.stdout.isEmpty { problems.append("doctor: \(check)") }
    return problems
  }

  /// The files that the machine has changed, with their checksums, as the starting deployment has them.
  private static func contents(in state: CrashState) throws -> [String] {
    try summary(of: etc(2, in: state.mountPoint))
  }

  private static func expected(in state: CrashState) throws -> [String] {
    try summary(of: etc(1, in: state.mountPoint))
  }

  private static func summary(of etc: FilePath) throws -> [String] {
    let script = """
      cd "$0"; for file in large edited deleted; do if [ -e $file ]; then echo "$file $(sha256sum <$file) $(head -c 9 $file)"; fi; done
      grep ann: passwd || :
      """
    return try runSuccessfully(["sh", "-c", script, etc.string]).split(separator: "\n").map(String.init)
  }
}
