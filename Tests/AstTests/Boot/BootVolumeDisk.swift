import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// A bootable disk beside an ext4 that GRUB reads kernels from. The ext4 goes with the object.
final class BootVolumeDisk: Sendable {
  let disk: BootDisk
  /// The directory where the ext4 is mounted.
  let volume: FilePath
  private let home: FilePath

  var store: TestStore { disk.store }

  /// - Parameters:
  ///   - megabytes: the size of the ext4.
  ///   - isEncrypted: whether the store's record says that it is in a LUKS volume.
  init(megabytes: Int = 32, isEncrypted: Bool = false) throws {
    disk = try BootDisk()
    home = FilePath("/var/tmp/ast-volume-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    volume = home.appending("volume")
    try runSuccessfully(["mkdir", "-p", volume.string])
    try runSuccessfully(
      [
        "sh", "-euc",
        """
        truncate -s "$1M" ext4; mkfs.ext4 -q -F -b 4096 -m 0 -U "$2" ext4; mount -o loop ext4 volume
        mkdir -p volume/ast/grub; echo '# for the first start' >volume/ast/grub/grub.cfg
        """, "sh", "\(megabytes)", uuid,
      ], in: home)
    try writeRecord(isEncrypted ? #","encryption":"\#(UUID().uuidString.lowercased())""# : "")
  }

  deinit {
    umount(volume.string)
    _ = try? run(["rm", "-rf", home.string])
  }

  /// The UUID of the ext4.
  let uuid = UUID().uuidString.lowercased()

  private func writeRecord(_ more: String) throws {
    let text = #"{"kind":"partition","fileSystem":"\#(uuid)","type":"ext4","mountPoint":"/boot/loader"\#(more)}"#
    try text.write(toFile: store.root.appending("ast/boot-volume.json").string, atomically: true, encoding: .utf8)
  }

  /// The command that makes an initrd of random content in a node, of this many bytes.
  static func makingInitrd(of bytes: Int) -> [String] {
    ["sh", "-ec", "head -c \(bytes) /dev/urandom >/boot/initrd.img-\(BootDisk.version)"]
  }

  /// Gives a node such an initrd.
  func makeInitrd(in node: Int, bytes: Int = 100_000) throws {
    try store.ast(["run", "\(node)"] + Self.makingInitrd(of: bytes)).expectSuccess()
  }

  /// The names of the copies.
  func copies() throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: volume.appending("ast/boot").string))
  }

  /// The texts of the menu that GRUB reads; nil if it reads none.
  func menu() throws -> [String: String]? {
    let directory = volume.appending("ast/grub/ast")
    guard let select = try? String(contentsOfFile: directory.appending("select.cfg").string, encoding: .utf8) else {
      return nil
    }
    guard select.utf8.count == 512, let slot = [0, 1].first(where: { select.hasPrefix("set ast_slot=\($0)\n") }) else {
      throw BrokenMenu(text: select)
    }
    let place = directory.appending("slot-\(slot)")
    let names = try FileManager.default.contentsOfDirectory(atPath: place.string).filter { $0.hasSuffix(".cfg") }
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try String(contentsOfFile: place.appending($0).string, encoding: .utf8)) })
  }

  /// The copies that this menu names.
  func named() throws -> Set<String> {
    let text = try (menu() ?? [:]).values.joined()
    return Set(text.split(separator: "'/ast/boot/").dropFirst().map { String($0.prefix { $0 != "'" }) })
  }

  /// The copies that the menu names and that are missing, or do not have the content of their name.
  func wrongCopies() throws -> [String] {
    try named().sorted().filter { name in
      let sum = try run(["sha256sum", volume.appending("ast/boot").appending(name).string])
      return !sum.stdout.hasPrefix(name)
    }
  }

  /// A select file that is not whole.
  struct BrokenMenu: Error { let text: String }
}
