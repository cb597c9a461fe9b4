import FoundationEssentials
import SystemPackage

/// A bootable disk: the subvolumes of the layout, and a store whose node 1 has a stand-in for a kernel, a machine id and
/// a complete fstab, so that its deployments are the same on every disk.
package final class BootDisk: Sendable {
  package let store: TestStore
  private let disk: LoopBtrfs

  package init(size: Int64 = 1 << 30) throws {
    disk = try LoopBtrfs.small(size: size)
    store = try Self.makeStore(on: disk.root)
  }

  /// The same with a Debian as its base, which has no kernel, and no other node.
  package init(withDebianOf size: Int64, other: PackageStore.OtherSources = .none) throws {
    disk = try LoopBtrfs.small(size: size)
    try Self.makeSubvolumes(on: disk.root)
    store = try PackageStore(at: disk.root.appending("@snapshots"), other: other).store
  }

  deinit { disk.remove() }

  /// Makes the subvolumes and the store at the top level of a file system.
  package static func makeStore(on top: FilePath) throws -> TestStore {
    try makeSubvolumes(on: top)
    let store = try TestStore(at: top.appending("@snapshots"))
    try store.ast("clone", "0", "one").expectSuccess()
    try store.ast("run", "1", "sh", "-ec", furnishing).expectSuccess()
    try store.ast("tmp").expectSuccess()
    return store
  }

  private static func makeSubvolumes(on top: FilePath) throws {
    for name in ["@snapshots", "@var", "@home", "@root", "@srv", "@grub"] {
      try runSuccessfully(["btrfs", "subvolume", "create", top.appending(name).string])
    }
  }

  /// The directory of one of its subvolumes.
  package func path(of subvolume: String) -> FilePath { disk.root.appending(subvolume) }

  /// The root directory of a deployment.
  package func root(of deployment: Int) -> FilePath { store.root.appending("deploy/\(deployment)/root") }

  /// Fills the disk, except this many bytes, with files of the machine's user.
  package func fill(leaving bytes: Int) throws {
    let home = path(of: "@home")
    let hole = home.appending("hole")
    if bytes > 0 {
      try runSuccessfully(["dd", "if=/dev/urandom", "of=\(hole)", "bs=\(bytes)", "count=1", "conv=fsync"])
    }
    for size in ["1M", "4k", "512"] {
      _ = try run(["dd", "if=/dev/zero", "of=\(home.appending("ballast-\(size)"))", "bs=\(size)", "conv=fsync"])
      try runSuccessfully(["sync", "--file-system", home.string])
    }
    try runSuccessfully(["sh", "-c", "rm -f hole; sync --file-system ."], in: home)
  }

  /// Frees that space.
  package func empty() throws {
    try runSuccessfully(["sh", "-c", "rm -f ballast-*; sync --file-system ."], in: path(of: "@home"))
  }

  package static let version = "6.1.0-1-amd64"
  private static let mounts = [".snapshots", "var", "home", "root", "srv", "boot/grub", "tmp"]
  package static let furnishing = """
    mkdir -p \(mounts.map { "/" + $0 }.joined(separator: " ")) /lib/modules/\(version) /usr/lib/systemd/system
    touch /usr/lib/systemd/system/ast-var.service
    ln -s /bin/sh /sbin/init
    echo a kernel >/boot/vmlinuz-\(version)
    echo an initrd >/boot/initrd.img-\(version)
    echo >/lib/modules/\(version)/modules.dep
    mkdir -p /usr/lib/ast; echo '#!/bin/sh' >/usr/lib/ast/init; ln -s ../../sbin/ast /usr/lib/ast/merge
    echo 0123456789abcdef0123456789abcdef >/etc/machine-id
    echo '# For this /usr, /etc is complete.' >/etc/.updated
    echo 'PRETTY_NAME="Tiny 1 (small)"' >/usr/lib/os-release
    for place in / \(mounts.map { "/" + $0 }.joined(separator: " ")); do
      echo "none $place auto defaults 0 0"
    done >/etc/fstab
    echo 'UUID=1234-ABCD /boot/efi vfat nofail 0 0' >>/etc/fstab
    """
}

/// The files of the boot menu.
package struct MenuFiles {
  /// The text of each file, by its name in `ast`.
  package let texts: [String: String]

  /// The files on the disk of a store, or none if nothing boots from it.
  package init(of store: TestStore) throws {
    let directory = store.root.removingLastComponent().appending("@grub/ast")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    texts = try Dictionary(
      uniqueKeysWithValues: names.map { name in
        (name, try String(contentsOfFile: directory.appending(name).string, encoding: .utf8))
      })
  }

  /// The default entry.
  package var standard: String? { lines.first { $0.hasPrefix("set default=") }.map { String($0.dropFirst(12)) } }

  /// The names of the entries, in the order of the files.
  package var entries: [String] {
    lines.filter { $0.contains("menuentry ") }.compactMap { line in
      line.split(separator: " ").reversed().dropFirst().first.map(String.init)
    }
  }

  /// The roots that the entries start, and their kernels, relative to the top level.
  package var files: [FilePath] {
    lines.compactMap { line in
      let words = line.split(separator: " ").map { $0.trimmingCharacters("'") }
      guard let root = words.first(where: { $0.hasPrefix("@snapshots/") }),
        let kernel = words.first(where: { $0.hasPrefix("/boot/vmlinuz") })
      else { return nil }
      return FilePath(root + kernel)
    }
  }

  private var lines: [String] {
    let menu = texts.filter { $0.key.hasSuffix(".cfg") }.sorted { $0.key < $1.key }
    return menu.flatMap { $0.value.split(separator: "\n").map(String.init) }
  }
}

extension Substring {
  fileprivate func trimmingCharacters(_ unwanted: Character) -> String {
    String(drop { $0 == unwanted }.reversed().drop { $0 == unwanted }.reversed())
  }
}
