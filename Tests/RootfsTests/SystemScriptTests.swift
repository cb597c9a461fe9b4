import DebianFormats
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// The scripts of the system files in a Debian that is mounted like a booted one, in its own mount namespace.
@Suite("Scripts of a booted system", .requiresRoot, .serialized)
struct SystemScriptTests {
  // MARK: mount-etc

  @Test func onADeploymentEtcIsWritableAndNothingElse() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      /usr/lib/ast/mount-etc
      echo here >/etc/new
      for file in /usr/new /new /boot/new; do touch $file 2>/dev/null && echo $file is writable; done
      cat /etc/new; findmnt -no OPTIONS / | cut -d, -f1; findmnt -no OPTIONS /etc | cut -d, -f1
      """)
    #expect(text == "here\nro\nrw\n")
    #expect(try machine.text(of: "etc/new") == "here\n")
  }

  @Test func onATrialChangesStayInMemory() throws {
    let machine = try BootedRoot(readOnlySubvolume: true)
    let text = try machine.run(
      "ast.trial=5/3",
      """
      mount -t tmpfs tmpfs /run
      /usr/lib/ast/mount-etc
      echo here >/etc/new; rm /etc/issue; cat /etc/new; cat /etc/debian_version >/dev/null
      for file in /usr/new /new; do touch $file 2>/dev/null && echo $file is writable; done
      findmnt -no FSTYPE /etc; ls -ld /etc | cut -d' ' -f1,3,4
      """)
    #expect(text == "here\noverlay\ndrwxr-xr-x root root\n")
    #expect(try machine.text(of: "etc/new") == nil)
    #expect(try machine.text(of: "etc/issue") != nil)
  }

  @Test func onAnyOtherSystemNothingIsMounted() throws {
    let machine = try BootedRoot()
    #expect(
      try machine.run("quiet ast.tries=3", "/usr/lib/ast/mount-etc; findmnt -no TARGET /etc || echo none") == "none\n")
  }

  // MARK: refuse-packages

  private static let refusal =
    "ast: the running system is read-only: change its node with `ast install`, `ast remove` or `ast upgrade`, "
    + "then `ast deploy` it (`ast current` names the node)."

  @Test(arguments: [
    "apt-get -y remove tzdata", "apt-get -y install --reinstall tzdata", "apt-get -y dist-upgrade",
    "apt -y purge tzdata", "apt-get -y autoremove", "dpkg -r tzdata", "dpkg --configure -a",
  ])
  func packagesOfABootedSystemAreNotChanged(command: String) throws {
    let machine = try BootedRoot()
    let text = try machine.run("ast.deployment=7", "\(BootedRoot.dataMounts)\nif \(command) 2>&1; then echo done; fi")
    #expect(text.contains(Self.refusal), "\(text)")
    #expect(!text.contains("done") && !text.contains("Removing"), "\(text)")
  }

  @Test(arguments: [
    "dpkg -l tzdata", "apt-cache show tzdata", "apt-get update", "apt list --installed",
    "apt-get -s remove tzdata", "apt-mark showauto", "dpkg --no-act -r tzdata",
  ])
  func whatOnlyLooksWorks(command: String) throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      "\(BootedRoot.dataMounts); mount -t tmpfs tmpfs /etc/apt/sources.list.d\n\(command) >/dev/null && echo done")
    #expect(text == "done\n")
  }

  @Test(arguments: [
    ("ast.deployment=7", "mkdir -p /run/ast; touch /run/ast/sandbox", true),
    ("ast.deployment=7", "export AST_LIVE=1", true), ("quiet", ":", true),
    ("ast.deployment=7", "mount -o remount,rw none /", true), ("ast.deployment=7", ":", false),
    ("ast.trial=1/2", ":", false),
  ])
  func onlyABootedSystemIsRefused(commandLine: String, condition: String, isAllowed: Bool) throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      commandLine,
      """
      \(BootedRoot.dataMounts)
      \(condition)
      if /usr/lib/ast/refuse-packages 2>/dev/null; then echo allowed; else echo refused; fi
      """)
    #expect(text == (isAllowed ? "allowed\n" : "refused\n"))
  }

  @Test func whereTheRootIsWritablePackagesAreChanged() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      mount -o remount,rw none /
      apt-get -y remove tzdata >/dev/null 2>&1 && dpkg -r --force-depends mawk >/dev/null 2>&1 && echo done
      """)
    #expect(text == "done\n")
  }

  // MARK: cover

  @Test func whatChangesPackagesSaysWhatToType() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      \(BootedRoot.dataMounts); \(BootedRoot.covering)
      for command in "apt install hello" "dpkg -r tzdata" "dpkg-reconfigure tzdata" "/bin/apt-get -y upgrade"; do
        $command 2>&1; echo $?
      done
      """)
    let start = "ast: the running system is read-only, and packages are changed in its node: type"
    #expect(
      text == """
        \(start) `ast install NODE hello`, then `ast deploy NODE`
        100
        \(start) `ast remove NODE tzdata`, then `ast deploy NODE`
        100
        \(start) `ast run NODE dpkg-reconfigure tzdata`, then `ast deploy NODE`
        100
        \(start) `ast upgrade NODE`, then `ast deploy NODE`
        100

        """)
  }

  @Test(arguments: [
    "apt list --installed", "apt-get -s remove tzdata", "dpkg --print-architecture", "dpkg -l tzdata",
    "apt-get --version", "dpkg --no-act -r tzdata", "dpkg --root=/tmp/other --configure -a",
    "DPKG_ROOT=/tmp/other dpkg --root=/tmp/other --configure -a",
    "setpriv --reuid=1000 --regid=1000 --clear-groups dpkg -l apt",
  ])
  func whatOnlyLooksIsDoneByTheRealProgram(command: String) throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      \(BootedRoot.dataMounts); \(BootedRoot.covering)
      mkdir -p /tmp/other/var/lib/dpkg/updates; touch /tmp/other/var/lib/dpkg/status
      \(command) >/tmp/output 2>/tmp/error || cat /tmp/error; if [ -s /tmp/output ]; then echo output; fi
      grep ast: /tmp/error || true
      """)
    #expect(text == (command.contains("--configure") ? "" : "output\n"))
  }

  @Test func checksumsAreThoseOfTheRealPrograms() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      \(BootedRoot.dataMounts); \(BootedRoot.covering)
      /usr/lib/ast/cover
      grep -c ' /usr/bin/apt ' /proc/mounts
      cmp -s /usr/bin/apt /usr/bin/dpkg && echo covered
      cmp -s /usr/bin/apt /run/ast/real/bin/apt || echo differs
      dpkg --verify apt dpkg | grep /bin/ || echo as they came
      setpriv --reuid=1000 --regid=1000 --clear-groups dpkg -V apt dpkg | grep /bin/ || echo as they came
      /usr/lib/ast/explain --version >/dev/null && echo ast is ast
      """)
    #expect(text == "1\ncovered\ndiffers\nas they came\nas they came\nast is ast\n")
  }

  @Test func aRootThatWasMadeWritableIsChanged() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      \(BootedRoot.dataMounts); \(BootedRoot.covering)
      mount -o remount,rw none /
      apt-get -y remove tzdata >/dev/null 2>&1 && test ! -e /usr/share/zoneinfo/UTC && echo done
      """)
    #expect(text == "done\n")
  }

  @Test func coveredProgramsAreThoseOfTheTable() throws {
    let script = try String(
      contentsOfFile: Checkout.directory.appending("Sources/System/SystemFiles/files/cover").string, encoding: .utf8)
    let places = Set(
      script.split(whereSeparator: { " \n;".contains($0) }).map(String.init).filter {
        $0.hasPrefix("/usr/") && $0.contains("bin/")
      })
    #expect(places == Set(CoveredProgram.allCases.map(\.path)))
  }

  @Test func anotherRootMayBeChanged() throws {
    let machine = try BootedRoot()
    let text = try machine.run(
      "ast.deployment=7",
      """
      \(BootedRoot.dataMounts)
      mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/var/lib/dpkg; touch /mnt/var/lib/dpkg/status
      dpkg --root=/mnt --configure -a && echo done
      """)
    #expect(text == "done\n")
  }
}

/// A Debian on its own disk, mounted as the root of a machine that has just started.
private final class BootedRoot {
  private let image: FilePath

  init(readOnlySubvolume: Bool = false) throws {
    image = FilePath("/dev/shm/ast-booted-root-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    try runSuccessfully(["cp", "--sparse=always", Self.pristine.get().string, image.string])
    if readOnlySubvolume { try mounted("btrfs property set root ro true") }
  }

  deinit { unlink(image.string) }

  private static let pristine = Result {
    let root = try DebianRoot.snapshot(in: try LoopBtrfs.shared.newDirectory())
    try installSystemFiles(into: root)
    let image = try LoopBtrfs.shared.newDirectory().appending("image")
    try runSuccessfully(["truncate", "--size=1G", image.string])
    try runSuccessfully(["mkfs.btrfs", "-q", image.string])
    try mounted(
      image,
      """
      btrfs -q subvolume create root
      cp -a "$1/." root
      cd root
      : >usr/sbin/ast
      mkdir -p usr/lib/sysimage; mv var/lib/dpkg usr/lib/sysimage/dpkg; ln -s ../../usr/lib/sysimage/dpkg var/lib/dpkg
      echo 'UUID=1-2 / btrfs ro,noatime 0 0' >etc/fstab
      """, root.string)
    return image
  }

  /// Covers the programs with ast, which finds the libraries of a debug build beside it. Mounts are shared, as systemd
  /// has them.
  static let covering = "export LD_LIBRARY_PATH=/media/lib; mount --make-rshared /; /usr/lib/ast/cover"

  /// The mounts of a deployment that are not the root.
  static let dataMounts = """
    mount -t tmpfs tmpfs /tmp; cp -a /var /tmp/var; mount --bind /tmp/var /var; mount -t tmpfs tmpfs /run
    """

  /// Runs a script in the root, which is mounted read-only as a kernel with this command line does it.
  func run(_ commandLine: String, _ script: String) throws -> String {
    let boot = """
      cd /; umount /mnt
      disk=$(losetup --find --show "$1"); mount -o ro,subvol=root "$disk" /mnt; losetup --detach "$disk"
      mount -t proc proc /mnt/proc; mount --bind /dev /mnt/dev
      mount -t tmpfs tmpfs /media; mkdir /media/lib; mount --bind /media /mnt/media; mount --bind "$4" /mnt/usr/sbin/ast
      ldd "$4" | while read -r name _ file _; do
        case $name in libc.so* | libm.so* | libstdc++.so* | libgcc_s.so*) ;; *) case $file in /*) cp "$file" /media/lib/ ;; esac ;; esac
      done
      printf '%s\\n' "$2" >/media/cmdline; mount --bind /media/cmdline /mnt/proc/cmdline
      cd /mnt; pivot_root . mnt; umount -l /mnt; cd /; exec sh -c "$3"
      """
    return try mounted(boot, image.string, commandLine, script, AstBinary.path.string)
  }

  func text(of file: String) throws -> String? {
    let text = try mounted("if [ -e root/\(file) ]; then cat root/\(file); else echo missing; fi")
    return text == "missing\n" ? nil : text
  }

  @discardableResult
  private func mounted(_ script: String, _ arguments: String...) throws -> String {
    try Self.mounted(image, script, arguments)
  }

  @discardableResult
  private static func mounted(_ image: FilePath, _ script: String, _ arguments: String...) throws -> String {
    try mounted(image, script, arguments)
  }

  /// Runs a script in the top level of the disk, with mounts that other processes do not see.
  private static func mounted(_ image: FilePath, _ script: String, _ arguments: [String]) throws -> String {
    let start = "set -eu; mount -o loop \"$0\" /mnt; cd /mnt\n"
    return try runSuccessfully(["unshare", "--mount", "sh", "-c", start + script, image.string] + arguments)
  }
}
