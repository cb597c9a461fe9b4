import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// The files every node carries, as they are installed and with the programs they are for.
@Suite("System files", .requiresRoot)
struct SystemFilesTests {
  private let root: FilePath

  init() throws {
    root = try LoopBtrfs.shared.newDirectory()
    try installSystemFiles(into: root)
  }

  @Test func theyAreInstalledOnce() throws {
    #expect(try listing() == expectedFiles)
    let before = try identities()
    try installSystemFiles(into: root)
    #expect(try identities() == before)
  }

  @Test func whatWasChangedIsPutRight() throws {
    let before = try listing()
    try runSuccessfully(
      [
        "sh", "-c",
        """
        echo x >>usr/lib/ast/mount-etc; chmod 600 etc/grub.d/09_ast; chown 1 etc/dpkg/dpkg.cfg.d/ast
        rm etc/apt/apt.conf.d/90ast; ln -s /dev/null etc/apt/apt.conf.d/90ast
        ln -sf elsewhere usr/lib/systemd/system/sysinit.target.wants/ast-watchdog.timer
        """,
      ], in: root)
    try installSystemFiles(into: root)
    #expect(try listing() == before)
    #expect(try TestStore.checksum(of: root) == TestStore.checksum(of: SystemFilesTests().root))
  }

  /// The package of ast does not have it, so a node keeps it when that is removed.
  @Test func onlyANodeGetsTheConfigurationOfDKMS() throws {
    let file = "-rw-r--r-- 0:0 etc/dkms/framework.conf.d/00-ast.conf"
    #expect(try !listing().contains(file))
    try runSuccessfully(["mkdir", "usr/lib/sysimage"], in: root)
    #expect(try installSystemFiles(into: root))
    #expect(try listing().contains(file))
    #expect(try !installSystemFiles(into: root))
  }

  @Test func settingsOfTheAdministratorStay() throws {
    let script = "echo 'gc.keep-days = 5' >etc/ast/ast.toml; chmod 600 etc/ast/ast.toml"
    try runSuccessfully(["sh", "-c", script], in: root)
    #expect(try !installSystemFiles(into: root))
    #expect(try runSuccessfully(["cat", "etc/ast/ast.toml"], in: root) == "gc.keep-days = 5\n")
    try runSuccessfully(["ln", "-sf", "elsewhere", "etc/ast/ast.toml"], in: root)
    #expect(try !installSystemFiles(into: root))
    try runSuccessfully(["rm", "etc/ast/ast.toml"], in: root)
    #expect(try installSystemFiles(into: root))
    #expect(try listing() == expectedFiles)
  }

  @Test func aLinkInTheNodeDoesNotLeadOut() throws {
    let other = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["sh", "-c", "rm -r usr/lib; ln -s \"$1\" usr/lib", "sh", other.string], in: root)
    _ = try? installSystemFiles(into: root)
    #expect(try FileManager.default.contentsOfDirectory(atPath: other.string) == [])
  }

  @Test(.enabled(if: exists("/usr/bin/shellcheck"), "needs shellcheck"))
  func scriptsAreClean() throws {
    let scripts = ["etc/grub.d/09_ast", "usr/lib/ast/cover", "usr/lib/ast/mount-etc", "usr/lib/ast/refuse-packages"]
    try runSuccessfully(["shellcheck"] + scripts, in: root)
  }

  @Test(.enabled(if: exists("/usr/bin/systemd-analyze"), "needs systemd-analyze"))
  func unitsAreClean() throws {
    let units = root.appending("usr/lib/systemd/system")
    try runSuccessfully(["cp", "-a", "--no-clobber", "/usr/lib/systemd/system/.", units.string])
    for program in ["echo", "sleep", "systemctl", "touch"] {
      try runSuccessfully(["install", "-D", "/usr/bin/true", root.appending("usr/bin/\(program)").string])
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: units.string).filter { $0.hasPrefix("ast-") }
    let result = try run(
      ["systemd-analyze", "verify", "--root=\(root)", "--man=no", "default.target", "emergency.target"] + names)
    #expect((result.status, result.stdout, result.stderr) == (0, "", ""))
  }

  @Test func grubReadsTheMenuOfAst() throws {
    let plain = """
      if [ -f $prefix/ast/menu.cfg ]; then
        source $prefix/ast/menu.cfg
        if [ "$grub_platform" = efi ]; then
          menuentry 'UEFI firmware settings' --id uefi-firmware { fwsetup }
        fi
      fi

      """
    let script = root.appending("etc/grub.d/09_ast").string
    #expect(try runSuccessfully([script]) == plain)
    let environment = plainEnvironment.merging(["GRUB_GFXPAYLOAD_LINUX": "keep"]) { $1 }
    let text = try runSuccessfully([script], environment: environment)
    #expect(text == "set linux_gfx_mode='keep'\nexport linux_gfx_mode\n" + plain)
  }

  private func listing() throws -> [String] {
    try runSuccessfully(["find", ".", "!", "-type", "d", "-printf", "%M %U:%G %P %l\n"], in: root)
      .split(separator: "\n").map { $0.trimming(" ") }.sorted {
        $0.split(separator: " ")[2] < $1.split(separator: " ")[2]
      }
  }

  private func identities() throws -> String {
    try runSuccessfully(["find", ".", "!", "-type", "d", "-printf", "%P %i %C@\n"], in: root)
  }
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

extension Substring {
  fileprivate func trimming(_ end: String) -> String { hasSuffix(end) ? String(dropLast(end.count)) : String(self) }
}

private let expectedFiles = [
  "-rw-r--r-- 0:0 etc/apt/apt.conf.d/90ast",
  "-rw-r--r-- 0:0 etc/ast/ast.toml",
  "-rw-r--r-- 0:0 etc/ast/health.d/README",
  "-rw-r--r-- 0:0 etc/dpkg/dpkg.cfg.d/ast",
  "-rwxr-xr-x 0:0 etc/grub.d/09_ast",
  "lrwxrwxrwx 0:0 usr/bin/ast ../sbin/ast",
  "-rwxr-xr-x 0:0 usr/lib/ast/cover",
  "lrwxrwxrwx 0:0 usr/lib/ast/explain ../../sbin/ast",
  "-rwxr-xr-x 0:0 usr/lib/ast/init",
  "lrwxrwxrwx 0:0 usr/lib/ast/merge ../../sbin/ast",
  "-rwxr-xr-x 0:0 usr/lib/ast/mount-etc",
  "-rwxr-xr-x 0:0 usr/lib/ast/refuse-packages",
  "-rw-r--r-- 0:0 usr/lib/dracut/dracut.conf.d/90-ast.conf",
  "-rwxr-xr-x 0:0 usr/lib/systemd/system-sleep/ast",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-adopt.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-boot-complete.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-boot-complete.timer",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-cover.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-emergency.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-etc.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-gc.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-gc.timer",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-health.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-products.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-stop.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-upgrade.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-upgrade.timer",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-var.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-watchdog.service",
  "-rw-r--r-- 0:0 usr/lib/systemd/system/ast-watchdog.timer",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/emergency.target.wants/ast-emergency.service ../ast-emergency.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/local-fs.target.wants/ast-adopt.service ../ast-adopt.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/local-fs.target.wants/ast-etc.service ../ast-etc.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/local-fs.target.wants/ast-var.service ../ast-var.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/multi-user.target.wants/ast-boot-complete.timer ../ast-boot-complete.timer",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/multi-user.target.wants/ast-products.service ../ast-products.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/sysinit.target.wants/ast-cover.service ../ast-cover.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/sysinit.target.wants/ast-stop.service ../ast-stop.service",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/sysinit.target.wants/ast-watchdog.timer ../ast-watchdog.timer",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/timers.target.wants/ast-gc.timer ../ast-gc.timer",
  "lrwxrwxrwx 0:0 usr/lib/systemd/system/timers.target.wants/ast-upgrade.timer ../ast-upgrade.timer",
  "-rw-r--r-- 0:0 usr/lib/sysusers.d/ast.conf",
  "-rwxr-xr-x 0:0 usr/sbin/ast",
]
