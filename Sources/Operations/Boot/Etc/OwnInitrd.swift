import DebianFormats
import Etc
import FoundationEssentials
import Glibc
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// An initrd with the machine's settings, and what it was made of. The next deployment that would make one of the same
/// takes this one: that is faster, and they are one file where GRUB reads a copy.
struct OwnInitrd {
  /// Where a deployment notes what its initrd was made of, and the checksum of the initrd.
  private static let note: FilePath = "/usr/lib/sysimage/ast/initrd"

  private let root: FilePath
  private let version: String
  private let maker: InitrdMaker
  /// The checksum of what it is made of.
  private let sources: String

  private var place: FilePath { FilePath("/boot").appending("initrd.img-\(version)") }

  /// The initrd that a root needs, whose own one is still the generation's; nil if that is not a regular file.
  init?(of version: String, by maker: InitrdMaker, in root: FilePath, _ digests: inout BootFileDigests) throws {
    (self.root, self.version, self.maker) = (root, version, maker)
    let place = FilePath("/boot").appending("initrd.img-\(version)")
    guard let original = try digests.file(place, in: root) else { return nil }
    sources = try Self.checksum(
      of: "\(maker.rawValue) \(version) \(original.digest)\n".utf8 + Self.settings(in: RootDirectory(root)))
  }

  /// The files in /etc that the maker reads, with their names and lengths.
  private static func settings(in root: RootDirectory) throws -> [UInt8] {
    var text: [UInt8] = []
    for path in InitrdSources.paths.map(\.string).sorted() + ["fstab"] {
      let place = FilePath("/etc").appending(path)
      for file in try root.status(ofName: place) == nil ? [] : Self.files(at: place, in: root) {
        let content = try root.contents(of: file)
        text += "\(file) \(content.map { "\($0.count)" } ?? "is no file")\n".utf8
        text += content ?? Data()
      }
    }
    return text
  }

  private static func files(at place: FilePath, in root: RootDirectory) throws -> [FilePath] {
    try root.size(of: place) != nil ? [place] : root.files(below: place)
  }

  private static func checksum(of bytes: [UInt8]) throws -> String {
    let file = try Files.openInMemory()
    return try file.closeAfter {
      _ = try file.writeAll(bytes)
      return try BootFileDigests.digest(of: file)
    }
  }

  /// Takes the initrd of another root, if that was made of the same and nobody has changed it since.
  ///
  /// - Returns: whether it was taken.
  func take(from other: FilePath, _ digests: inout BootFileDigests) throws -> Bool {
    guard let note = try RootDirectory(other).beginning(of: Self.note, count: 1 << 10),
      let found = try digests.file(place, in: other), text(found.digest) == Data(note),
      let name = place.lastComponent, let source = try OpenDirectory(other).directory("boot"),
      let target = try OpenDirectory(root).directory("boot"),
      let status = try source.status(of: name), status.st_mode & S_IFMT == S_IFREG
    else { return false }
    try target.replace(name, .init(mode: status.st_mode & 0o7777)) { try target.copy(name, from: source, to: $0) }
    try write(found)
    return true
  }

  /// Notes that the root has the initrd now.
  func noteMade(_ digests: inout BootFileDigests) throws {
    if let made = try digests.file(place, in: root) { try write(made) }
  }

  private func write(_ initrd: BootFile) throws {
    try RootDirectory(root).makeDirectory(Self.note.removingLastComponent())
    try RootDirectory(root).write(text(initrd.digest), to: Self.note)
  }

  private func text(_ digest: String) -> Data { Data("\(sources) \(digest)\n".utf8) }
}
