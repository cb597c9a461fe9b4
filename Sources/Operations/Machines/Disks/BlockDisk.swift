import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A disk of this machine and its partitions, as lsblk(8) shows them.
public struct BlockDisk: Sendable, Equatable {
  /// A partition or anything else made of the disk.
  public struct Part: Sendable, Equatable {
    /// Its device.
    public let path: String
    /// Its size in bytes.
    public let size: Int64
    /// The type of its file system, if it is known.
    public let fileSystem: String?
    /// The label of the file system.
    public let label: String?
  }

  /// The device.
  public let path: FilePath
  /// The model; nil if the kernel does not know it.
  public let model: String?
  /// Its size in bytes.
  public let size: Int64
  /// Everything that is made of it.
  public let parts: [Part]

  /// Looks at a disk.
  ///
  /// - Throws: `AstError`; refused if it is not a whole disk, is in use, or cannot be written.
  public init(_ path: FilePath) throws {
    try HostProgram.require([.lsblk])
    var status = stat()
    guard stat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else {
      throw AstError(.notFound, "\(path) is not a disk", state: .unchanged, hint: "`lsblk` lists the disks")
    }
    let columns = "PATH,TYPE,SIZE,MODEL,FSTYPE,LABEL,MOUNTPOINTS,RO"
    let text = try ChildProcess("lsblk", ["--json", "--bytes", "--output", columns, "--", path.string]).output()
    guard let device = try JSONDecoder().decode(Listing.self, from: Data(text.utf8)).blockdevices.first else {
      throw AstError(.failed, "lsblk does not know \(path)", state: .unchanged)
    }
    self.path = FilePath(device.path)
    model = device.model?.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    size = device.size
    parts = device.below.map { Part(path: $0.path, size: $0.size, fileSystem: $0.fstype, label: $0.label) }
    try requireFree(device)
  }

  private func requireFree(_ device: Listing.Device) throws {
    guard ["disk", "loop"].contains(device.type) else {
      throw AstError(
        .refused, "\(path) is not a whole disk but a \(device.type)", state: .unchanged, hint: "`lsblk` lists the disks"
      )
    }
    for used in [device] + device.below {
      if let place = (used.mountpoints ?? []).compactMap(\.self).first {
        throw AstError(.refused, "\(used.path) is in use (\(place))", state: .unchanged)
      }
      if !["disk", "loop", "part"].contains(used.type) {
        throw AstError(.refused, "\(path) is in use by \(used.path) (\(used.type))", state: .unchanged)
      }
    }
    guard !device.ro else { throw AstError(.refused, "\(path) cannot be written", state: .unchanged) }
    // Mounts, swap, RAID and other devices of a btrfs claim the disk or part for themselves.
    do {
      for used in [device] + device.below {
        let file = try FileDescriptor.open(FilePath(used.path), .readOnly, options: [.exclusiveCreate, .closeOnExec])
        try file.close()
      }
    } catch {
      throw AstError(.refused, "\(path) is in use (\(error))", state: .unchanged)
    }
  }
}

/// The output of lsblk(8).
private struct Listing: Decodable {
  struct Device: Decodable {
    let path: String
    let type: String
    let size: Int64
    let model: String?
    let fstype: String?
    let label: String?
    let mountpoints: [String?]?
    let ro: Bool
    let children: [Device]?

    /// Everything that is made of it, at any depth.
    var below: [Device] { (children ?? []).flatMap { [$0] + $0.below } }
  }

  let blockdevices: [Device]
}
