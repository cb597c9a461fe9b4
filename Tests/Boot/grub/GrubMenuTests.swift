import Deployment
import FoundationEssentials
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
    let tried = commandLine(7, "ast.try panic=30")
    let back = commandLine(6, "ast.fallback=7")
    #expect(boots == [tried, tried, tried, back, back])
    #expect(notes == [2, 1, 0, 0, 0].map { ["ast_left=\($0)", "ast_token=12", "kept=yes"] })
  }
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
    title: title(node: id), subvolume: FilePath("deploy/\(id)/root"), kernel: "/boot/vmlinuz-1", initrd: "/boot/initrd.img-1",
    arguments: arguments)
}

func trial(_ node: Int) -> BootMenu.System {
  BootMenu.System(
    title: title(node: node), subvolume: FilePath("nodes/\(node)/3"), kernel: "/boot/vmlinuz-1", initrd: "/boot/initrd.img-1",
    arguments: "quiet")
}

func title(node: Int) -> BootMenuTitle {
  BootMenuTitle(
    node: node, generation: 3, date: Date(timeIntervalSince1970: 0), description: "a system", system: "Debian")
}
