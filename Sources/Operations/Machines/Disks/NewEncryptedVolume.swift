import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A LUKS2 volume on a new disk, open while the disk is made.
struct NewEncryptedVolume {
  /// The UUID of the volume, not of the file system in it.
  let uuid: String
  /// The device of its content.
  let device: FilePath
  private let name: String

  /// Makes it on a partition, and opens it.
  ///
  /// - Parameter memory: the most memory that the key may take to derive, in KiB; nil for what this machine has.
  init(on partition: FilePath, passphrase: DiskPassphrase, memory: Int?) throws {
    uuid = UUID().uuidString.lowercased()
    name = Self.name(for: uuid)
    device = FilePath("/dev/mapper").appending(name)
    let key = Data(passphrase.text.utf8)
    try ChildProcess("cryptsetup", Self.format(partition, uuid: uuid, memory: memory)).run(reading: key)
    do {
      try ChildProcess("cryptsetup", Self.open(partition, as: name)).run(reading: key)
    } catch {
      // A stop signal can come when the volume is open already.
      if isOpen { try? close() }
      throw error
    }
  }

  /// Closes it. Whatever was mounted from it must have been unmounted.
  ///
  /// - Parameter warn: called if it stays open.
  func end(warning warn: (String) -> Void) {
    do {
      try close()
    } catch {
      warn("\(device) stays open: \(AstError(error).reason); `cryptsetup close \(name)` closes it")
    }
  }

  private var isOpen: Bool { access(device.string, F_OK) == 0 }

  private func close() throws { try ChildProcess("cryptsetup", ["close", "--", name]).runToItsEnd() }

  // MARK: Command lines

  /// The volume's name in the new system, where nothing else is open under it.
  static let nameInSystem = "ast"

  /// The name under which a volume is open here. The machine itself may have one of the usual name.
  static func name(for uuid: String) -> String { "ast-new-\(uuid.prefix(8))" }

  /// The passphrase comes from standard input, as `-` says: other processes can read arguments.
  private static let secret = ["--batch-mode", "--type", "luks2", "--key-file", "-"]

  static func format(_ partition: FilePath, uuid: String, memory: Int?) -> [String] {
    let limit = memory.map { ["--pbkdf-memory", "\($0)"] } ?? []
    return ["luksFormat"] + secret + ["--pbkdf", "argon2id"] + limit
      + ["--label", "ast", "--uuid", uuid, "--", partition.string]
  }

  static func open(_ partition: FilePath, as name: String) -> [String] {
    ["open"] + secret + ["--allow-discards", "--", partition.string, name]
  }

  /// The line of crypttab(5). An initrd that is made where the disk cannot be seen has it because of `initramfs`;
  /// because of `x-initrd.attach`, systemd does not try to close the disk of the root when the machine stops.
  static func entry(uuid: String) -> String {
    "\(nameInSystem) UUID=\(uuid) none luks,discard,initramfs,x-initrd.attach\n"
  }

  /// Makes sure that this machine can open encrypted disks.
  ///
  /// - Throws: `AstError` (refused) if its kernel has no device mapper.
  static func requireDeviceMapper() throws {
    do {
      try ChildProcess("dmsetup", ["version"]).run()
    } catch {
      throw AstError(
        .refused, "this machine cannot open encrypted disks: its kernel has no device mapper", state: .unchanged,
        hint: "`modprobe dm_crypt` loads it, if the kernel has it; a container may not use it")
    }
  }
}

/// The passphrase of an encrypted disk.
public struct DiskPassphrase: Sendable, Equatable {
  let text: String

  /// A passphrase.
  ///
  /// - Throws: `AstError` (usage) if nobody could type it.
  public init(_ text: String) throws {
    guard !text.isEmpty, !text.contains(where: { $0.isNewline || $0 == "\0" }) else {
      throw AstError(.usage, "the passphrase is empty or has more than one line", state: .unchanged)
    }
    guard text.utf8.count <= Self.longest else {
      throw AstError(
        .usage, "the passphrase is longer than \(Self.longest) bytes, which could not be typed", state: .unchanged)
    }
    self.text = text
  }

  /// What cryptsetup(8) reads from a terminal.
  private static let longest = 512
}
