/// A second initrd for deployments whose own initrd has systemd in it (dracut): units for the programs in it.
///
/// There `init=` would do the work, but systemd would not hand its state over to the systemd of the deployment: messages
/// of the kernel would be twice in the journal, and checks of file systems would be forgotten. So a unit brings /etc up
/// to date, before systemd reads the deployment's fstab, and a drop-in makes the hand-over ignore `init=`. An initrd of
/// initramfs-tools does not read these files.
public enum StartUnits {
  /// The name of the file, beside the menu.
  public static let name = "merge.cpio"

  /// The file: an archive in the format of the kernel's documentation, driver-api/early-userspace/buffer-format.
  public static let archive: [UInt8] = {
    var bytes: [UInt8] = []
    for (number, file) in files.enumerated() {
      bytes += entry(number + 1, file.path, file.mode, Array(file.content.utf8))
    }
    bytes += entry(0, "TRAILER!!!", 0, [])
    return bytes + padding(bytes.count, to: 512)
  }()

  private static let directory: UInt32 = 0o040755
  private static let file: UInt32 = 0o100644
  private static let link: UInt32 = 0o120777

  private static let files: [(path: String, mode: UInt32, content: String)] = [
    ("etc", directory, ""),
    ("etc/systemd", directory, ""),
    ("etc/systemd/system", directory, ""),
    ("etc/systemd/system/ast-merge.service", file, unit),
    ("etc/systemd/system/initrd.target.wants", directory, ""),
    ("etc/systemd/system/initrd.target.wants/ast-merge.service", link, "../ast-merge.service"),
    ("etc/systemd/system/initrd-switch-root.service.d", directory, ""),
    ("etc/systemd/system/initrd-switch-root.service.d/ast.conf", file, dropIn),
  ]

  private static let unit = """
    [Unit]
    Description=Bring the /etc of this deployment up to date
    Documentation=man:ast-design(7)
    DefaultDependencies=no
    AssertPathExists=/etc/initrd-release
    ConditionPathExists=/sysroot/usr/lib/ast/init
    After=initrd-root-fs.target sysroot.mount
    Before=initrd-parse-etc.service initrd-fs.target initrd.target initrd-switch-root.target shutdown.target
    Conflicts=shutdown.target

    [Service]
    Type=oneshot
    RootDirectory=/sysroot
    MountAPIVFS=yes
    BindPaths=/run
    ExecStart=/usr/lib/ast/init merge
    TimeoutStartSec=60

    """

  private static let dropIn = """
    [Service]
    ExecStart=
    ExecStart=systemctl --no-block switch-root /sysroot ""

    """

  /// A file: its header of numbers in eight hexadecimal digits each, its path, and its content.
  private static func entry(_ number: Int, _ path: String, _ mode: UInt32, _ content: [UInt8]) -> [UInt8] {
    let name = Array(path.utf8) + [0]
    let fields: [UInt32] = [
      UInt32(number), mode, 0, 0, mode == directory ? 2 : 1, 0, UInt32(content.count), 0, 0, 0, 0, UInt32(name.count),
      0,
    ]
    let header = Array(("070701" + fields.map(hexadecimal).joined()).utf8)
    let start = header + name + padding(header.count + name.count, to: 4)
    return start + content + padding(content.count, to: 4)
  }

  private static func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func padding(_ length: Int, to unit: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: (unit - length % unit) % unit)
  }
}
