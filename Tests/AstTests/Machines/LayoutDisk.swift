import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// Disks of a small system that can be adopted, with more than one file system or device. All of them go with the object.
final class LayoutDisk: Sendable {
  /// A part of the system that is on an ext4 of its own.
  enum Part: String, Sendable { case boot, `var` }

  /// The directory around everything.
  let home: FilePath
  /// The top level of the btrfs.
  var top: FilePath { home.appending("top") }
  /// The mount point of the root.
  var root: FilePath { home.appending("root") }
  /// The mount point of the other file system, outside the root.
  var other: FilePath { home.appending("other") }

  /// - Parameters:
  ///   - part: the part of the system that is on an ext4.
  ///   - devices: how many devices the btrfs is on, as RAID1 if there are two.
  init(part: Part? = nil, devices: Int = 1) throws {
    home = FilePath("/var/tmp/ast-layout-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    try runSuccessfully(["mkdir", "-p"] + ["top", "root", "other", "deployment"].map { home.appending($0).string })
    try script(
      """
      for n in $(seq "$1"); do truncate -s 1G "disk$n"; losetup --find --show "disk$n" >"loop$n"; done
      if [ "$1" = 2 ]; then options="-d raid1 -m raid1"; fi
      mkfs.btrfs -q ${options:-} $(cat loop?)
      mount -o noatime "$(cat loop1)" top
      btrfs -q subvolume create top/@rootfs
      mount -o subvol=@rootfs "$(cat loop1)" root
      """, "\(devices)")
    let uuid = try uuid(of: top)
    let line = try part.map { part in
      try script(
        """
        truncate -s 120M ext4; losetup --find --show ext4 >loop-ext4; mkfs.ext4 -q -F -b 4096 "$(cat loop-ext4)"
        mount "$(cat loop-ext4)" other
        """)
      return "UUID=\(try self.uuid(of: other)) /\(part.rawValue) ext4 defaults 0 2\n"
    }
    try AdoptableRoot.fill(root, mounting: "UUID=\(uuid) / btrfs defaults,subvol=@rootfs 0 0\n\(line ?? "")")
    if let part {
      try script(
        """
        cd root; (mkdir -p var/lib/beta/many; cd var/lib/beta/many; seq 300 | xargs mkdir); cd ..
        cp -a "root/$1/." other; chmod --reference="root/$1" other
        find "root/$1" -mindepth 1 -delete; mount "$(cat loop-ext4)" "root/$1"
        """, part.rawValue)
    }
  }

  deinit {
    _ = try? run(
      [
        "sh", "-c",
        """
        for place in deployment/var deployment root/boot root/var root other top; do umount --lazy "$place" 2>/dev/null; done
        for loop in loop*; do losetup --detach "$(cat "$loop")"; done; cd /; rm -rf "$1"
        """, "sh", home.string,
      ], in: home)
  }

  /// Runs a script in the directory around everything.
  @discardableResult func script(_ text: String, _ arguments: String...) throws -> String {
    try runSuccessfully(["sh", "-euc", text, "sh"] + arguments, in: home)
  }

  /// The UUID of a mounted file system.
  func uuid(of place: FilePath) throws -> String {
    String(try runSuccessfully(["findmnt", "-no", "UUID", place.string]).prefix { $0 != "\n" })
  }

  /// Runs `ast adopt` in the old system.
  func adopt(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
    try run(
      [AstBinary.path.string, "adopt", "--root", root.string] + arguments,
      environment: plainEnvironment.merging(environment) { $1 })
  }

  /// Runs `ast adopt` in the deployment, of which only the root is mounted.
  func inDeployment(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
    try script("mountpoint -q deployment || mount -o subvol=@snapshots/deploy/1/root \"$(cat loop1)\" deployment")
    defer { _ = try? script("umount deployment") }
    return try run(
      [AstBinary.path.string, "adopt", "--root", home.appending("deployment").string] + arguments,
      environment: plainEnvironment.merging(environment) { $1 })
  }

  /// Does what ast-var.service does at the first start, with the file system at /var mounted.
  func bootVar(environment: [String: String] = [:]) throws -> CommandResult {
    try script(
      """
      mount -o subvol=@snapshots/deploy/1/root "$(cat loop1)" deployment; mount "$(cat loop-ext4)" deployment/var
      """)
    defer { _ = try? script("umount deployment/var deployment") }
    return try run(
      [AstBinary.path.string, "boot-var", "--root", home.appending("deployment").string],
      environment: plainEnvironment.merging(environment) { $1 })
  }

  /// The boot loader's file on the ext4 as GRUB reads it, from the disk.
  func hookForGRUB() throws -> String {
    try script(
      "disk=$(cat loop-ext4); sync; blockdev --flushbufs \"$disk\"; grub-fstest \"$disk\" cat /grub/custom.cfg")
  }

  /// The store that was made.
  var store: TestStore { TestStore(existing: top.appending("@snapshots")) }

  /// The text of a file, by its path from the directory around everything; nil if there is none.
  func text(_ path: String) -> String? {
    try? String(contentsOfFile: home.pushing(FilePath(path)).string, encoding: .utf8)
  }
}
