import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// What `bootstrap` refuses, and what it leaves behind if it fails. `Tests/Boot` tests that the disk starts.
@Suite("bootstrap", .requiresRoot)
struct BootstrapTests {
  private let directory: FilePath

  init() throws { directory = try LoopBtrfs.shared.newDirectory() }

  private func bootstrap(_ arguments: String...) throws -> CommandResult {
    try run([AstBinary.path.string, "bootstrap", "--user", "anna"] + arguments, environment: plainEnvironment)
  }

  private var image: FilePath { directory.appending("disk.img") }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.string).sorted()
  }

  private func warning(_ text: String) -> String {
    "ast: warning: no user can log in to this system: use --root-password, --user or --ssh-key\n" + text
  }

  @Test func imageThatIsThereStays() throws {
    try Data("precious".utf8).write(to: URL(filePath: image.string))
    let result = try bootstrap("--image", image.string)
    #expect(result.status == 5)
    #expect(
      result.stderr
        == warning("ast: \(image) already exists; nothing was changed\n     `--force` replaces it\n"))
    #expect(try String(contentsOfFile: image.string, encoding: .utf8) == "precious")
    #expect(try names() == ["disk.img"])
  }

  @Test func oneTargetIsNeeded() throws {
    let result = try bootstrap()
    #expect(result.status == 2 && result.stdout == "")
    #expect(result.stderr == "ast: one of --image and --disk is needed; nothing was changed\n")
    #expect(try bootstrap("--image", image.string, "--disk", "/dev/null").status == 2)
  }

  @Test func answersThatAreNoAnswersAreRefusedBeforeAnythingIsMade() throws {
    let empty = directory.appending("empty")
    try Data().write(to: URL(filePath: empty.string))
    for wrong in [
      ["--hostname", "a b"], ["--timezone", "../etc"], ["--locale", "x;y"], ["--kernel", "-x"], ["--include", "a,-b"],
      ["--size", "1G"], ["--root-password", empty.string], ["--ssh-key", "/etc/passwd"], ["--keymap", "\""],
    ] {
      let result = try run(
        [AstBinary.path.string, "bootstrap", "--image", image.string, "--user", "anna"] + wrong,
        environment: plainEnvironment)
      #expect(result.status == 2, "\(wrong): \(result.stderr)")
      #expect(result.stdout == "")
    }
    #expect(try names() == ["empty"])
  }

  @Test func missingProgramsAreNamedWithTheirPackages() throws {
    let hide = "mount -t tmpfs none /usr/sbin && exec \"$@\""
    let result = try run(
      ["unshare", "--mount", "sh", "-c", hide, "sh", AstBinary.path.string, "bootstrap", "--user", "anna", "--image"]
        + [image.string], environment: plainEnvironment)
    #expect(result.status == 1)
    #expect(
      result.stderr
        == warning(
          """
          ast: sfdisk, mkfs.btrfs, mkfs.vfat, losetup cannot be found; nothing was changed
               apt-get install btrfs-progs dosfstools fdisk mount

          """))
    #expect(try names() == [])
  }

  @Test func anEncryptedDiskNeedsAPassphrase() throws {
    let empty = directory.appending("empty")
    try Data().write(to: URL(filePath: empty.string))
    let result = try bootstrap("--image", image.string, "--encrypt")
    #expect(result.status == 2)
    #expect(
      result.stderr
        == """
        ast: an encrypted disk needs a passphrase; nothing was changed
             `--passphrase` names a file with it; on a terminal, ast asks for it

        """)
    #expect(try bootstrap("--image", image.string, "--encrypt", "--passphrase", empty.string).status == 2)
    #expect(try bootstrap("--image", image.string, "--encrypt", "--passphrase", "/nonexistent").status == 3)
    #expect(try bootstrap("--image", image.string, "--passphrase", empty.string).status == 2)
    #expect(try names() == ["empty"])
  }

  @Test func whatIsNoDiskOrInUseIsRefused() throws {
    #expect(try bootstrap("--yes", "--disk", "/dev/null").status == 3)
    #expect(try bootstrap("--yes", "--disk", directory.string).status == 3)
    let mounted = try runSuccessfully(["findmnt", "--noheadings", "--output", "SOURCE", LoopBtrfs.shared.root.string])
    let device = mounted.split(whereSeparator: \.isNewline).joined()
    let result = try bootstrap("--yes", "--disk", device)
    #expect(result.status == 5)
    #expect(
      result.stderr == warning("ast: \(device) is in use (\(try LoopBtrfs.shared.root)); nothing was changed\n"))
  }

  @Test func nobodyToAskIsNoYes() throws {
    let device = try loopDevice()
    defer { _ = try? run(["losetup", "--detach", device]) }
    let result = try bootstrap("--disk", device)
    #expect(result.status == 2)
    #expect(result.stderr.hasSuffix("there is no terminal; nothing was changed\n     use `-y`\n"))
  }

  /// After a stop signal at any time, there is no image, loop device or mount left.
  @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
  func stoppedWhileItUnpacks(signal: Int32) throws {
    let archive = try DebianRoot.archive(of: DebianRoot.suite)
    let command = try StartedCommand([
      AstBinary.path.string, "bootstrap", "--image", image.string, "--tarball", archive.string, "--user", "anna",
    ])
    while try !isUnpacking(), command.isRunning { usleep(10_000) }
    command.send(signal)
    let result = try command.wait()
    #expect(result.signal == (signal == SIGKILL ? SIGKILL : nil))
    #expect(result.status == (signal == SIGKILL ? nil : 128 + signal))
    // A killed process cannot remove its file.
    #expect(try names().filter { !$0.hasSuffix(".new") } == [])
    if signal != SIGKILL { #expect(try names() == []) }
    while try loops().contains(directory.string), signal == SIGKILL { usleep(10_000) }
    #expect(try !loops().contains(directory.string))
    #expect(try !String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).contains("ast-bootstrap"))
  }

  private func isUnpacking() throws -> Bool {
    try runSuccessfully(["ps", "-eo", "args"]).split(separator: "\n").contains { line in
      line.contains("tar --extract") && line.contains("--directory /run/ast-bootstrap-")
    }
  }

  private func loops() throws -> String { try runSuccessfully(["losetup", "--list", "--output", "BACK-FILE"]) }

  private func loopDevice() throws -> String {
    let file = directory.appending("file")
    try runSuccessfully(["truncate", "--size", "4G", file.string])
    return try runSuccessfully(["losetup", "--find", "--show", file.string]).split(whereSeparator: \.isNewline).joined()
  }
}
