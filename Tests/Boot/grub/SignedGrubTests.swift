import FoundationEssentials
import Grub
import SystemPackage
import TestSupport
import Testing

/// The GRUB that Debian has signed has its modules in it, and loads no others under Secure Boot: each command of the menu
/// must be in it.
@Suite("Signed GRUB", .serialized) struct SignedGrubTests {
  /// The module of each command in the menu, and in what leads to it; nil for those of the script language.
  private static let modules: [String: String?] = [
    "search": "search", "load_env": "loadenv", "save_env": "loadenv", "regexp": "regexp", "echo": "echo",
    "test": "test", "[": "test", "linux": "linux", "initrd": "linux", "boot": "boot", "source": "configfile",
    "configfile": "configfile", "menuentry": "normal", "submenu": "normal", "export": "normal", "fwsetup": "efifwsetup",
    "serial": "serial", "terminal_input": "terminal", "terminal_output": "terminal",
    "set": nil, "shift": nil, "return": nil, "for": nil, "function": nil, "fi": nil, "done": nil, "}": nil, "{": nil,
  ]
  /// What reads the disk, and shows the menu.
  private static let silent = ["part_gpt", "btrfs", "fat", "search_fs_uuid", "gfxterm", "gfxmenu", "font", "gzio"]

  @Test(.enabled(if: SignedPrograms.hindrance == nil), arguments: ["bookworm", "trixie", "forky"])
  func everyCommandOfTheMenuIsInIt(suite: String) throws {
    let program = try SignedPrograms.directory(of: suite).appending("grub/x86_64-efi-signed/grubx64.efi.signed")
    let present = Self.modules(in: try Data(contentsOf: URL(filePath: program.string)))
    #expect(present.count > 100)
    for module in Self.silent { #expect(present.contains(module), "\(module) of \(suite)") }
    // Functions of the menu are no commands.
    for command in try Self.commands() where !command.hasPrefix("ast_") {
      guard let known = Self.modules[command] else {
        Issue.record("the module of \(command) is not known here")
        continue
      }
      if let known { #expect(present.contains(known), "\(command) of \(suite)") }
    }
  }

  @Test func modulesAreForBIOSOnly() throws {
    for line in try Self.text().split(separator: "\n") where line.contains("insmod") {
      #expect(line.contains(#"if [ "$grub_platform" = pc ]; then insmod"#), "\(line)")
    }
  }

  /// A menu that uses everything, `grub.d/09_ast`, and grub.cfg for the first start with a serial line.
  private static func text() throws -> String {
    func system(_ node: Int) -> BootMenu.System {
      BootMenu.System(
        title: BootMenuTitle(
          node: node, generation: 1, date: Date(timeIntervalSince1970: 0), description: "a", system: "Debian"),
        subvolume: "nodes/1/1", kernel: "/boot/vmlinuz", initrd: "/boot/initrd.img")
    }
    var menu = BootMenu(
      fileSystem: "1", machineID: "2", environment: BootEnvironmentPlace(fileSystem: "3"),
      deployments: [1, 2].map { BootMenu.Deployment(id: $0, system: system($0), isTrying: $0 == 2) },
      choice: BootMenu.Choice(deployment: 2, token: 1, fallback: 1), once: BootMenu.Once(deployment: 1, token: 2),
      nodes: (1...60).map(system))
    menu.before = BootMenu.Before(directory: "/boot/grub", hasData: true)
    let hook = try String(contentsOfFile: Checkout.directory.appending("grub.d/09_ast").string, encoding: .utf8)
    let lines = hook.split(separator: "\n").drop { !$0.contains("<<'EOF_MENU'") }.dropFirst().dropLast()
    let first = "serial --unit=0\nterminal_input serial console\nterminal_output serial console\n"
    return ([menu.text] + menu.pages.map(\.text) + [lines.joined(separator: "\n"), first]).joined(separator: "\n")
  }

  /// The first words of the commands, without those for BIOS.
  private static func commands() throws -> Set<String> {
    let lines = try text().split(separator: "\n").filter { !$0.contains("insmod") && !$0.hasPrefix("#") }
    let starts = lines.flatMap { $0.replacing("{ ", with: "; ").split(separator: ";") }
    return Set(
      starts.compactMap { start in
        let words = start.split(separator: " ").drop { ["if", "elif", "then", "else", "do", "while"].contains($0) }
        return words.first.map(String.init)
      })
  }

  /// The names of the modules in a program: each is an ELF file whose section .modname has it.
  private static func modules(in program: Data) -> Set<String> {
    var found: Set<String> = []
    var rest = program[...]
    while let magic = rest.firstRange(of: Data([0x7F, 0x45, 0x4C, 0x46])) {
      if let name = ELF(bytes: program[magic.lowerBound...]).moduleName { found.insert(name) }
      rest = program[magic.upperBound...]
    }
    return found
  }
}

/// An ELF file of 64 bits, as far as a module's name is concerned.
private struct ELF {
  let bytes: Data

  var moduleName: String? {
    guard let sections = number(at: 0x28, 8), let size = number(at: 0x3A, 2), let count = number(at: 0x3C, 2),
      let names = number(at: 0x3E, 2), let text = number(at: sections + names * size + 24, 8)
    else { return nil }
    for section in (0..<count).map({ sections + $0 * size }) {
      guard let name = number(at: section, 4), string(at: text + name) == ".modname" else { continue }
      return number(at: section + 24, 8).flatMap(string)
    }
    return nil
  }

  private func number(at place: Int, _ count: Int) -> Int? {
    guard place >= 0, place < bytes.count - count else { return nil }
    let start = bytes.startIndex + place
    return bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | Int($1) & 0xFF }
  }

  private func string(at place: Int) -> String? {
    guard place >= 0, place < bytes.count else { return nil }
    return String(decoding: bytes[(bytes.startIndex + place)...].prefix(64).prefix { $0 != 0 }, as: UTF8.self)
  }
}
