import SystemPackage
import TestSupport
import Testing

/// Cuts the power at every flush while a system is adopted, while its data are taken over, and while both is undone: the
/// machine boots the unchanged old system, or a complete deployment with all of its data.
@Suite(.serialized, .requiresLoggedDisk) struct AdoptPowerCutTests {
  @Test func whatBootsIsTheOldSystemOrADeploymentWithAllData() throws {
    try scenario(
      "adopt, adopt --undo, adopt, first start, adopt --undo", size: 1 << 30, limit: 20, prepare: Adopted.prepare,
      commands: Adopted.commands, check: Adopted.problems)
  }

  @Test func aMenuNeverLeadsToAnOldSystemThatIsGoing() throws {
    try scenario(
      "adopt --forget", size: 1 << 30, limit: 20, prepare: Forgotten.prepare, commands: Forgotten.commands,
      check: Forgotten.problems)
  }

  @Test func withoutSyncsADeploymentBootsThatIsNotThere() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let unsafe = try Scenario(
      name: "adopt without syncs", size: 1 << 30, limit: 20, prepare: Adopted.prepare, commands: Adopted.commands,
      environment: scratch.withoutSyncs(), check: Adopted.problems)
    let reports = try unsafe.reports()
    for report in reports { print(report) }
    #expect(reports.contains { !$0.problems.isEmpty })
  }
}

/// A disk with the layout of the Debian installer, the commands, and the states of the disk after each.
private enum Adopted {
  /// Whether a deployment boots, after each command.
  private static let boots = [false, true, false, true, true, false]

  static let old = "@rootfs"
  static let deployment = "@snapshots/deploy/1/root"
  static let hook = "/\(old)/boot/grub/custom.cfg"

  /// Runs `ast adopt` with a subvolume as the root.
  private static let mounting = """
    disk=$(findmnt -no SOURCE . | sed 's/\\[.*//')
    mkdir -p root && mount -o "subvol=$2" "$disk" root
    status=0; "$1" adopt --root "$PWD/root" $3 || status=$?
    umount root && exit $status
    """

  static func adopt(_ subvolume: String, _ option: String) -> [String] {
    ["sh", "-ec", mounting, "sh", AstBinary.path.string, subvolume, option]
  }

  static let start = adopt(deployment, "--finish")

  static func commands(_: FilePath) -> [[String]] {
    [adopt(old, "-y"), adopt(old, "--undo"), adopt(old, "-y"), start, adopt(deployment, "--undo")]
  }

  /// The kernel and the initrd are too long for btrfs to keep inline in metadata, so that their data are written
  /// separately.
  private static let furnishing = """
    for file in vmlinuz initrd.img; do
      n=0; while [ $n -lt 5000 ]; do echo "$file $n of it, for its place"; n=$((n + 1)); done \
        >@rootfs/boot/$file-\(AdoptableRoot.version)
    done
    cd @rootfs; \(sums) >../sums
    """

  /// The content of the old system, in the current directory.
  static let sums = """
    find . -xdev ! -name 'custom.cfg*' '(' -type f -printf '%m %U:%G %n %p ' -exec sha256sum -b '{}' ';' -o \
      -printf '%y %m %U:%G %l %p\\n' ')' | LC_ALL=C sort
    """

  static func prepare(_ mountPoint: FilePath) throws {
    let root = mountPoint.appending(old)
    try runSuccessfully(["btrfs", "subvolume", "create", root.string])
    let uuid = try runSuccessfully(["findmnt", "-no", "UUID", mountPoint.string]).prefix { $0 != "\n" }
    try AdoptableRoot.fill(root, mounting: "UUID=\(uuid) / btrfs subvol=\(old) 0 0\n")
    try runSuccessfully(["sh", "-ec", furnishing], in: mountPoint)
  }

  static func problems(in state: CrashState) throws -> [String] {
    let place = state.mountPoint
    let disk = try BootLoaderView(of: place)
    let isAdopted = try disk.contents(of: hook) != nil
    let wanted = Set(state.effective.map { boots[$0] })
    guard wanted.contains(isAdopted) else {
      return ["\(isAdopted ? "a deployment" : "the old system") boots after \(state.effective) commands"]
    }
    let before = try (isAdopted ? bootProblems(of: disk, at: place) : []) + oldSystemProblems(in: place)
    guard before.isEmpty else { return before }
    return try (isAdopted ? startProblems(in: place) : repetitionProblems(in: place)) + oldSystemProblems(in: place)
  }

  static func oldSystemProblems(in place: FilePath) throws -> [String] {
    let changes = try run(["sh", "-c", "cd \(old) && \(sums) | diff ../sums -"], in: place)
    return changes.status == 0 ? [] : ["the old system was changed: \(changes.stdout)"]
  }

  /// The problems with the files that GRUB is led to.
  private static func bootProblems(of disk: BootLoaderView, at place: FilePath) throws -> [String] {
    guard try disk.script(at: hook)?.contains("### END ast") == true, try disk.script(at: "/@grub/grub.cfg") != nil,
      try disk.script(at: "/@grub/ast/menu.cfg")?.contains("set default=ast-1") == true
    else { return ["GRUB cannot read its files"] }
    return try ["vmlinuz", "initrd.img"].compactMap { file in
      let path = "boot/\(file)-\(AdoptableRoot.version)"
      let whole = try runSuccessfully(["cat", place.appending("\(old)/\(path)").string])
      return try disk.contents(of: "/\(deployment)/\(path)") == whole ? nil : "\(file) of the deployment is not whole"
    }
  }

  /// The problems that remain after the deployment has booted.
  private static func startProblems(in place: FilePath) throws -> [String] {
    let started = try run(start, in: place)
    guard started.status == 0 else { return ["the deployment does not start: \(started)"] }
    return try dataProblems(in: place)
  }

  private static func dataProblems(in place: FilePath) throws -> [String] {
    let same = """
      for part in home srv root var/mail var/log var/nocow var/lib/alpha var/lib/machines var/cache/alpha; do
        diff -r --no-dereference @rootfs/$part @$part
      done
      test @home/anna/file -ef @home/anna/link; lsattr @var/nocow | grep -q C; ! grep ast.adopt @grub/ast/menu.cfg
      """
    let compared = try run(["sh", "-ec", same], in: place)
    let doctor = try TestStore(existing: place.appending("@snapshots")).ast("doctor")
    return (compared.status == 0 ? [] : ["data are not what they were: \(compared)"])
      + (doctor.status == 0 && doctor.stdout.isEmpty ? [] : ["doctor: \(doctor)"])
  }

  /// The problems after the adoption is done again, if the old system boots; data that were taken over stay.
  private static func repetitionProblems(in place: FilePath) throws -> [String] {
    let again = try run(adopt(old, "-y"), in: place)
    if again.status == 5, again.stderr.contains("with data in them") { return try dataProblems(in: place) }
    guard again.status == 0 else { return ["it cannot be adopted again: \(again)"] }
    return try startProblems(in: place)
  }
}

/// A disk whose deployment has proven itself, and from which the old system is removed.
private enum Forgotten {
  private static let forget = Adopted.adopt(Adopted.deployment, "--forget -y")

  private static let proving = """
    btrfs -q subvolume delete @rootfs/var/lib/machines
    sqlite3 @snapshots/ast/tree.sqlite "update deployment set state = 'good'"
    find @var @home @root @srv -type f -exec sha256sum {} + >data
    cd @rootfs; \(Adopted.sums) >../sums
    """

  static func prepare(_ mountPoint: FilePath) throws {
    try Adopted.prepare(mountPoint)
    for command in [Adopted.adopt(Adopted.old, "-y"), Adopted.start, ["sh", "-ec", proving]] {
      try runSuccessfully(command, in: mountPoint)
    }
  }

  static func commands(_: FilePath) -> [[String]] { [forget] }

  static func problems(in state: CrashState) throws -> [String] {
    let place = state.mountPoint
    let disk = try BootLoaderView(of: place)
    guard let menu = try disk.script(at: "/@grub/ast/menu.cfg"), try disk.script(at: Adopted.hook) != nil else {
      return ["GRUB cannot read its files"]
    }
    let leadsBack = menu.contains("Debian before ast")
    guard !leadsBack || state.returned == 0 else { return ["the menu leads back"] }
    let before = try leadsBack ? Adopted.oldSystemProblems(in: place) : []
    let again = try run(forget, in: place)
    let left = try runSuccessfully(["ls", "-A", Adopted.old], in: place)
    let data = try run(["sha256sum", "--quiet", "--check", "data"], in: place)
    return before + (again.status == 0 ? [] : ["done again: \(again)"]) + (left == "boot\n" ? [] : ["left: \(left)"])
      + (data.status == 0 ? [] : ["data: \(data)"])
  }
}
