import FoundationEssentials
import Grub
import SystemPackage
import Testing

/// Menus in the real GRUB: what it boots, counts and notes.
@Suite(.serialized, .requiresGrubMachine)
struct GrubMenuTests {
  @Test(arguments: Firmware.allCases)
  func threeTriesThenTheFallback(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    try machine.writeEnvironment(["ast_token=11", "ast_left=0", "kept=yes"])
    try machine.install(menu(trying: true))
    var boots: [String?] = []
    var notes: [[String]] = []
    for _ in 1...5 {
      boots.append(try machine.boot())
      notes.append(try machine.noted)
    }
    let tried = commandLine(7, "ast.try panic=10")
    let back = commandLine(6, "ast.fallback=7")
    #expect(boots == [tried, tried, tried, back, back])
    #expect(notes == [2, 1, 0, 0, 0].map { ["ast_left=\($0)", "ast_token=12", "kept=yes"] })
  }

  /// As long as no deployment is good, what was there before ast is what is left.
  @Test(arguments: Firmware.allCases)
  func afterTheLastTryTheSystemBeforeAstBoots(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    try machine.writeEnvironment(["ast_token=12", "ast_left=1"])
    try machine.installOldSystem(in: "@rootfs")
    var menu = menu(trying: true)
    menu.choice?.fallback = nil
    menu.before = BootMenu.Before(directory: "/@rootfs/boot/grub", hasData: true)
    try machine.install(menu)
    #expect(try machine.boot() == commandLine(7, "ast.adopt ast.try panic=10"))
    let boot = try machine.boot()
    #expect(boot?.contains(" old ast_before=1 ") == true, "\(boot ?? machine.lastConsole)")
    #expect(boot?.hasSuffix("/@rootfs/boot/grub") == true)
    #expect(machine.lastConsole.contains("falling back to the system before ast"))
  }

  @Test(arguments: Firmware.allCases)
  func whatIsBootedOnceIsNotBootedAgain(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    try machine.writeEnvironment(["ast_once=3"])
    var menu = menu()
    menu.once = BootMenu.Once(deployment: 5, token: 13)
    try machine.install(menu)
    #expect(try [machine.boot(), machine.boot(), machine.boot()] == [commandLine(5), commandLine(7), commandLine(7)])
    #expect(try machine.noted == ["ast_once=13"])
  }

  @Test(arguments: Firmware.allCases)
  func aMissingKernelIsNotTriedAgain(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    try machine.writeEnvironment()
    try machine.install(menu(trying: true), missing: ["@snapshots/deploy/7/root/boot/vmlinuz-1"])
    #expect(try machine.boot() == commandLine(6, "ast.fallback=7"))
    #expect(machine.lastConsole.contains("/@snapshots/deploy/7/root/boot/vmlinuz-1 is missing."))
  }

  @Test func aMissingInitrdIsNotTriedAgain() throws {
    let machine = try GrubMachine(.bios)
    try machine.writeEnvironment()
    try machine.install(menu(trying: true), missing: ["@snapshots/deploy/7/root/boot/initrd.img-1"])
    #expect(try machine.boot() == commandLine(6, "ast.fallback=7"))
    #expect(machine.lastConsole.contains("/@snapshots/deploy/7/root/boot/initrd.img-1 is missing."))
  }

  @Test func aKernelThatIsNoneIsNotTriedAgain() throws {
    let machine = try GrubMachine(.bios)
    try machine.writeEnvironment()
    var menu = menu(trying: true)
    menu.deployments[0].system.kernel = "/boot/initrd.img-1"
    try machine.install(menu)
    #expect(try machine.boot() == commandLine(6, "ast.fallback=7"))
  }

  /// Without a count, `ast.try` would restart the machine for ever.
  @Test(arguments: Unwritable.allCases)
  func whereNothingCanBeNotedTheDefaultBootsUncounted(reason: Unwritable) throws {
    let machine = try GrubMachine(.bios)
    if reason != .noFile { try machine.writeEnvironment() }
    if reason == .damaged { try machine.damageEnvironment() }
    var menu = menu(trying: true)
    if reason == .noPlace { menu.environment = nil }
    menu.once = BootMenu.Once(deployment: 5, token: 13)
    try machine.install(menu)
    for _ in 1...2 {
      let boot = try machine.boot(
        environmentIsReadOnly: reason == .readOnly, hasEnvironmentDisk: reason != .noDisk)
      #expect(boot == commandLine(7))
    }
  }

  @Test(arguments: Firmware.allCases)
  func aDiskMayBeMissing(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    var menu = menu()
    menu.hasSeveralDevices = true
    try machine.install(menu)
    #expect(try machine.boot() == commandLine(7))
    try machine.install(menu, chosen: "ast-degraded")
    #expect(try machine.boot()?.contains(" rootflags=degraded,subvol=@snapshots/deploy/7/root ro ") == true)
  }

  @Test func whatIsChosenByHandIsNotCounted() throws {
    let machine = try GrubMachine(.bios)
    try machine.writeEnvironment(["ast_token=12", "ast_left=1"])
    var menu = menu(trying: true)
    menu.deployments[1].isTrying = true
    for (chosen, expected) in [(6, commandLine(6, "ast.try panic=10")), (5, commandLine(5))] {
      try machine.install(menu, chosen: "ast-deployments>ast-\(chosen)")
      #expect(try machine.boot() == expected)
    }
    #expect(try machine.noted == ["ast_left=1", "ast_token=12"])
  }

  @Test(arguments: [("ast-tree>ast-trial-2", 2, 2), ("ast-tree>ast-tree-3>ast-trial-101", 101, 120)])
  func aNodeBootsAsATrial(chosen: String, node: Int, count: Int) throws {
    let machine = try GrubMachine(.bios)
    var menu = menu()
    menu.nodes = (1...count).map(trial)
    try machine.install(menu, chosen: chosen)
    let subvolume = "@snapshots/nodes/\(node)/3"
    let words = [
      "BOOT_IMAGE=/\(subvolume)/boot/vmlinuz-1", "root=UUID=\(GrubMachine.rootUUID)", "rootflags=subvol=\(subvolume)",
      "ro", "ast.trial=\(node)/3", "systemd.machine_id=0123456789abcdef0123456789abcdef", "quiet",
    ]
    #expect(try machine.boot() == words.joined(separator: " "))
  }

  /// A deployment that has the program begins with it, unless the administrator types another one. One that the node
  /// names is what that program starts.
  @Test(arguments: Firmware.allCases)
  func aDeploymentBeginsWithTheProgramThatItHas(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    var menu = menu()
    menu.deployments[1].system.arguments = "init=/opt/init quiet"
    let files = [7, 6].map { ("@snapshots/deploy/\($0)/root/usr/lib/ast/init", "program") }
    let adding = Dictionary(uniqueKeysWithValues: files + [("@grub/ast/merge.cpio", "units")])
    func line(_ typed: String) throws -> String? {
      try machine.install(menu, adding: adding, typed: typed)
      return try machine.boot()?.split(separator: " ").drop { $0 != "ro" }.dropFirst().joined(separator: " ")
    }
    #expect(try line("ast_boot_7") == "init=/usr/lib/ast/init ast.deployment=7 quiet")
    #expect(try line("ast_boot_7 init=/bin/sh") == "ast.deployment=7 init=/bin/sh quiet")
    #expect(try line("ast_boot_7 single -- init=/x") == "ast.deployment=7 single -- init=/x quiet")
    #expect(try line("ast_boot_6") == "init=/usr/lib/ast/init ast.deployment=6 ast.init=/opt/init quiet")
    #expect(try line("ast_boot_5") == "ast.deployment=5 quiet")
    #expect(
      try line("ast_trial 1/3 @snapshots/nodes/1/3 /boot/vmlinuz-1 /boot/initrd.img-1 init=/opt/init")
        == "ast.trial=1/3 systemd.machine_id=0123456789abcdef0123456789abcdef init=/opt/init")
  }

  @Test(arguments: Firmware.allCases)
  func dataReachesTheKernelAsItIs(firmware: Firmware) throws {
    let machine = try GrubMachine(firmware)
    let name = FilePath(#"/boot/vm'linuz "$prefix" * ? {a;b} \\ #"# + penguin)
    var menu = menu()
    menu.deployments[0].system.kernel = name
    menu.deployments[0].system.initrd = "/boot/initrd $1 ${x} `y` ; | & < > 'z'"
    menu.deployments[0].system.title.description = #"it's "$5" {or} }; \\"# + "\n" + penguin
    menu.deployments[0].system.arguments = hostileArguments
    try machine.install(menu)
    let line = try #require(try machine.boot())
    // GRUB puts a backslash before what its own parser would take for a quote.
    let expected = #"quiet a=$1 $prefix ${x} * ? "x=file drivers/* +p" y=z ; # {} | & < > a\'b c\\\\d -- "# + penguin
    #expect(line.hasSuffix(" ro ast.deployment=7 " + expected), "\(line)")
  }
}

/// Everything GRUB has a meaning for.
private let hostileArguments =
  #"quiet a=$1 $prefix ${x} * ?  x="file drivers/* +p" y="z" ; # {} | & < >"# + "\t" + #"a'b c\\d -- "# + penguin

private let penguin = "\u{1F427}"

/// Why GRUB cannot note anything.
enum Unwritable: CaseIterable, Sendable {
  case noPlace
  case noDisk
  case noFile
  case damaged
  case readOnly
}

/// The command line a system of the menu gets.
func commandLine(_ id: Int, _ own: String = "") -> String {
  let root = "root=UUID=\(GrubMachine.rootUUID) rootflags=subvol=@snapshots/deploy/\(id)/root ro"
  let words = ["BOOT_IMAGE=/@snapshots/deploy/\(id)/root/boot/vmlinuz-1", root, "ast.deployment=\(id)", own, "quiet"]
  return words.filter { !$0.isEmpty }.joined(separator: " ")
}

/// A menu with deployment 7 as the default, and 6 and 5.
func menu(trying: Bool = false, environment: BootEnvironmentPlace? = GrubMachine.environment) -> BootMenu {
  BootMenu(
    fileSystem: GrubMachine.rootUUID, machineID: "0123456789abcdef0123456789abcdef", environment: environment,
    deployments: [7, 6, 5].map { BootMenu.Deployment(id: $0, system: deployed($0), isTrying: trying && $0 == 7) },
    choice: BootMenu.Choice(deployment: 7, token: 12, fallback: trying ? 6 : nil), nodes: [1, 2].map(trial))
}

func deployed(_ id: Int, arguments: String = "quiet") -> BootMenu.System {
  BootMenu.System(
    title: title(node: id), subvolume: FilePath("deploy/\(id)/root"), kernel: "/boot/vmlinuz-1",
    initrd: "/boot/initrd.img-1",
    arguments: arguments)
}

func trial(_ node: Int) -> BootMenu.System {
  BootMenu.System(
    title: title(node: node), subvolume: FilePath("nodes/\(node)/3"), kernel: "/boot/vmlinuz-1",
    initrd: "/boot/initrd.img-1",
    arguments: "quiet")
}

func title(node: Int) -> BootMenuTitle {
  BootMenuTitle(
    node: node, generation: 3, date: Date(timeIntervalSince1970: 0), description: "a system", system: "Debian")
}
