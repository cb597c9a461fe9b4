import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// What was found in an initrd that GRUB could read from a boot volume.
package struct InitrdFinding: Codable, Equatable, Sendable {
  /// What it lacks to mount the root, by the names of files.
  let lacks: [String]
  /// The key files of disks in it.
  let keys: [String]
}

/// What was found in initrds: a file in the store for each, by the digest of its content. Whoever makes a commit looks
/// before it, because that runs a program of the node; the menu is made of what is known then.
struct InitrdFindings {
  private static let path: FilePath = "ast/initrds"
  private let directory: FilePath

  /// The findings of the store at `root`.
  init(in root: FilePath) { directory = root.pushing(Self.path) }

  /// What was found in an initrd; nil if nobody has looked.
  subscript(digest: String) -> InitrdFinding? {
    try? JSONDecoder().decode(InitrdFinding.self, from: Files.contents(of: directory.appending(digest)))
  }

  /// Keeps what was found. If that fails, the next command looks again.
  func keep(_ finding: InitrdFinding, of digest: String) {
    // Several commands may find the same at once.
    let new = directory.appending("\(digest).new-\(UUID())")
    do {
      try Files.ensureDirectory(directory, mode: 0o700)
      try Files.write(JSONEncoder().encode(finding), to: new)
      try Files.rename(new, to: directory.appending(digest))
    } catch {
      unlink(new.string)
    }
  }

  /// Forgets initrds that no menu has: a commit that is under way may have looked into the newer ones.
  func forget(except digests: Set<String>) {
    let now = time(nil)
    for name in (try? Files.names(in: directory)) ?? [] where !digests.contains(name) {
      let file = directory.appending(name).string
      var status = stat()
      guard lstat(file, &status) == 0, now - status.st_mtim.tv_sec > Self.longestCommit else { continue }
      unlink(file)
    }
  }

  /// A day, in seconds.
  private static let longestCommit = 86_400
}

extension Store {
  /// Looks into the initrd that a commit puts in the menu, if GRUB reads a copy of it. What cannot be found out is said
  /// and does not hold the commit up.
  func noteInitrd(in path: FilePath, of node: NodeID) {
    do {
      _ = try finding(inInitrdOf: path, of: node)
    } catch {
      warn("what the initrd of node \(node) has in it is not known: \(AstError(error).reason)")
    }
  }

  /// What is in the initrd of a root, of which GRUB reads a copy; nil if GRUB reads the store itself.
  private func finding(inInitrdOf path: FilePath, of node: NodeID) throws -> InitrdFinding? {
    guard let record = try BootVolumeRecord(in: root), let version = try Kernels(in: path).newest else { return nil }
    var digests = BootFileDigests(in: root)
    guard let file = try digests.file(FilePath("/boot/initrd.img-\(version)"), in: path) else { return nil }
    let findings = InitrdFindings(in: root)
    if let known = findings[file.digest] { return known }
    let initrd = Initrd(of: version, in: path)
    let found: InitrdFinding
    switch try initrd.content(in: { try sandbox(for: node, at: path, network: .isolated) }) {
    // The administrator may have one of another kind.
    case .unreadable: found = InitrdFinding(lacks: [], keys: [])
    case .files(let files):
      let modules = try initrd.modules()
      let needs: [InitrdNeed] = record.encryption == nil ? [.btrfs] : [.btrfs, .encryption]
      let table = try RootDirectory(path).beginning(of: "/etc/crypttab", count: 1 << 16) ?? Data()
      found = InitrdFinding(
        lacks: Set(needs.flatMap { $0.missing(in: files, of: version, with: modules) }).sorted(),
        keys: InitrdKeys(table: String(decoding: table, as: UTF8.self)).all(in: files))
    }
    findings.keep(found, of: file.digest)
    return found
  }

  /// Refuses to copy an initrd with a key file to a boot volume, which is not encrypted.
  ///
  /// - Parameter isAdopting: whether the node is a system that is being adopted, which cannot be deployed otherwise.
  package func requireNoKey(inInitrdOf path: FilePath, of node: NodeID, isAdopting: Bool) throws {
    guard let record = try BootVolumeRecord(in: root),
      let key = try finding(inInitrdOf: path, of: node)?.keys.first
    else { return }
    throw AstError(
      .refused,
      "the initrd of node \(node) has the key file \(key), and \(record.mountPoint) is not encrypted: whoever has the"
        + " disk could read it", state: .unchanged,
      hint: isAdopting
        ? "keep the key out of the initrd (/etc/cryptsetup-initramfs/conf-hook), and adopt the system again"
        : "keep the key out of the initrd; `ast deploy --allow-key-in-initrd \(node)` copies it nevertheless")
  }
}
