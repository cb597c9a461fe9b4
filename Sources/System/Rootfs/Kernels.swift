import DebianFormats
import Host
import SystemPackage

/// The kernels of a root, in the layout of Debian's packages.
package struct Kernels {
  /// The versions in `/boot`.
  let installed: Set<String>
  /// The versions without modules, or without an initrd if the root has a program that makes them.
  package let unbootable: Set<String>
  /// The newest version that has both, and so can be booted.
  package let newest: String?

  /// The largest kernel or initrd that is believed, in bytes: several times what memory a boot loader has for them. Both
  /// are read whole when a deployment is checked, and anything in a node can be in their places.
  private static let largest: Int64 = 2 << 30

  package init(in path: FilePath) throws {
    let root = RootDirectory(path)
    let names = try root.entries(of: "/boot").map(\.name)
    let files = Set(
      try names.filter { name in
        guard ["vmlinuz-", "initrd.img-"].contains(where: name.hasPrefix) else { return false }
        return try root.size(of: FilePath("/boot").appending(name)).map { $0 <= Self.largest } ?? false
      })
    let prefix = "vmlinuz-"
    installed = Set(files.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
    let makers = Set(try root.entries(of: "/usr/sbin").map(\.name) + root.entries(of: "/usr/bin").map(\.name))
    let needsInitrd = !makers.isDisjoint(with: ["update-initramfs", "dracut"])
    let modular = try installed.filter { version in
      try root.size(of: FilePath("/lib/modules/\(version)/modules.dep")) != nil
    }
    newest = modular.filter { files.contains("initrd.img-\($0)") }.max { DebianVersion($0) < DebianVersion($1) }
    unbootable = installed.filter { version in
      needsInitrd && !files.contains("initrd.img-\(version)") || !modular.contains(version)
    }
  }
}
