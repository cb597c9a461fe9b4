import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while the default is changed: GRUB, which does not replay the log of a btrfs, finds a
/// menu whose default has its kernel and its initrd; and the next command recovers.
@Suite(.serialized, .requiresLoggedDisk) struct DeployPowerCutTests {
  @Test func whatBootsIsOldOrNewAndComplete() throws {
    try scenario(
      "deploy, run, deploy, rollback, deploy, del", size: 512 << 20, limit: 30, prepare: Machine.prepare,
      commands: Machine.commands, check: Machine.problems)
  }

  @Test func withoutSyncsTheMenuNamesWhatIsNotThere() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let unsafe = try Scenario(
      name: "deploy without syncs", size: 512 << 20, limit: 15, prepare: Machine.prepare, commands: Machine.commands,
      environment: scratch.withoutSyncs(), check: Machine.problems)
    let reports = try unsafe.reports([.prefix])
    for report in reports { print(report) }
    #expect(reports.contains { !$0.problems.isEmpty })
  }
}

/// A bootable disk, the commands, and the states of the disk after each.
private enum Machine {
  /// The number of the default deployment after each command.
  private static let defaults = [1, 2, 2, 3, 1, 4, 4]

  private static let script: [[String]] = [
    ["deploy", "2"], ["run", "1", "touch", "/more"], ["deploy", "1"], ["rollback", "--to", "1"], ["deploy", "2"],
    ["del", "-y", "3"],
  ]

  private static let version = "6.1.0-1-amd64"

  /// Too long for btrfs to keep inline in metadata, so that the data are written separately.
  private static let size = 300_000

  private static let furnishing = """
    ln -sf /bin/sh /sbin/init; mkdir -p /boot /lib/modules/\(version); echo >/lib/modules/\(version)/modules.dep
    mkdir -p /usr/lib/ast; echo '#!/bin/sh' >/usr/lib/ast/init; ln -sf ../../sbin/ast /usr/lib/ast/merge
    for file in vmlinuz initrd.img; do
      n=0; while [ $n -lt 5000 ]; do echo "$file $AST_NODE $n of it, for its place"; n=$((n + 1)); done >/boot/$file-\(version)
    done
    """

  private static func store(in mountPoint: FilePath) -> TestStore {
    TestStore(existing: mountPoint.appending("@snapshots"))
  }

  static func prepare(_ mountPoint: FilePath) throws {
    for name in ["@snapshots", "@var", "@grub"] {
      try runSuccessfully(["btrfs", "subvolume", "create", mountPoint.appending(name).string])
    }
    let store = try TestStore(at: mountPoint.appending("@snapshots"))
    try store.ast("clone", "0").expectSuccess()
    try store.ast("run", "1", "sh", "-ec", furnishing).expectSuccess()
    try store.ast("clone", "1").expectSuccess()
    try store.ast("clone", "1").expectSuccess()
    try store.ast("run", "2", "sh", "-ec", furnishing).expectSuccess()
    try store.ast("deploy", "1").expectSuccess()
  }

  static func commands(_ mountPoint: FilePath) -> [[String]] {
    script.map { [AstBinary.path.string, "--store", mountPoint.appending("@snapshots").string] + $0 }
  }

  static func problems(in state: CrashState) throws -> [String] {
    let booted = try bootProblems(in: state)
    let store = store(in: state.mountPoint)
    let before = try store.ast("deployments", "--json").stdout
    for command in [["tmp"], ["doctor"]] {
      let result = try store.astInTheNextBoot(command)
      guard result.status == 0, result.stdout.isEmpty || command == ["tmp"] else {
        return booted + ["after recovery, \(command): \(result)"]
      }
    }
    let after = try store.ast("deployments", "--json").stdout
    return booted + (before == after ? [] : ["recovery changed what is deployed: \(before) \(after)"])
      + (try bootProblems(in: state).map { "after recovery: \($0)" })
  }

  /// The view of GRUB of the disk as it is.
  private static func bootProblems(in state: CrashState) throws -> [String] {
    let disk = try BootLoaderView(of: state.mountPoint)
    guard let menu = try disk.script(at: "/@grub/ast/menu.cfg") else { return ["GRUB cannot read the menu"] }
    let lines = menu.split(separator: "\n")
    let standard = lines.first { $0.hasPrefix("set default=ast-") }?.dropFirst("set default=ast-".count) ?? ""
    let wanted = Set(state.effective.map { defaults[$0] })
    guard let number = Int(standard), wanted.contains(number) else {
      return ["the default is \(standard), and should be one of \(wanted.sorted())"]
    }
    let start = "/@snapshots/deploy/\(number)/root/boot"
    return try ["vmlinuz", "initrd.img"].compactMap { file in
      let read = try disk.contents(of: "\(start)/\(file)-\(version)")?.utf8.count ?? 0
      return read > size / 3 ? nil : "\(file) of deployment \(number) has \(read) bytes"
    }
  }
}
