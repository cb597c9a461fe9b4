import CFiles
import Glibc
import Host
import Store
import SystemPackage

/// The disk that a system was copied from. It is only read: what was written there since is copied once more.
package struct OriginalDisk {
  private let original: AdoptionRecord.Original
  /// The copy of its root.
  private let copy: FilePath

  /// The disk of a record, if the system there was copied from one.
  ///
  /// - Parameter copy: the root of the copy.
  package init?(_ record: AdoptionRecord, copy: FilePath) {
    guard let original = record.original else { return nil }
    self.original = original
    self.copy = copy
  }

  /// Makes the copy what the disk has now. It can be done again, and has to be if the power went meanwhile.
  ///
  /// - Parameter patience: how long a file system may take to appear.
  /// - Throws: `AstError`; the disk is as it was.
  package func copyAll(patience: Duration, progress: (String) -> Void) throws {
    for part in original.parts {
      progress("copying what was changed in \(part.place)")
      try Self.copy(try open(part, patience), of: part, of: original, to: copy, isProtecting: true)
    }
    failPoint("disk copied again")
  }

  /// Makes the copy's /etc what the disk has now: the first program of a start needs no more.
  package func copyEtc() throws {
    guard let root = original.parts.first, let etc = try open(root, Self.patienceForEtc).directory("etc"),
      let copied = try OpenDirectory(copy).directory("etc")
    else { return }
    try SyncTree.run(from: etc, to: copied, changedSince: original.began, isProtecting: true)
    failPoint("etc copied again")
  }

  /// The first program of a start has a minute for everything.
  private static let patienceForEtc = Duration.seconds(10)

  /// Makes the copy of one of its file systems.
  ///
  /// - Parameter copy: the root of the copy.
  package static func copy(
    _ source: OpenDirectory, of part: AdoptionRecord.Original.Part, of original: AdoptionRecord.Original,
    to copy: FilePath, isProtecting: Bool
  ) throws {
    let place = FilePath(part.place)
    guard let target = try OpenDirectory(copy).directory(at: FilePath(root: nil, place.components)) else {
      throw OpenDirectory.failure("find", copy.pushing(FilePath(root: nil, place.components)), ENOENT)
    }
    let inside = original.parts.map { FilePath($0.place) }.filter { $0 != place && $0.starts(with: place) }
    let apart = inside.map { FilePath(root: nil, $0.components.dropFirst(place.components.count)) }
    try SyncTree.run(
      from: source, to: target, changedSince: original.began, apart: Set(apart), isProtecting: isProtecting)
  }

  /// The top of one of its file systems, which no other process sees.
  private func open(_ part: AdoptionRecord.Original.Part, _ patience: Duration) throws -> OpenDirectory {
    let device = try device(of: part, until: .now + patience)
    let mount = device.withPlatformString { device in part.type.withCString { cfiles_mount(device, $0, 1) } }
    guard mount >= 0 else {
      throw AstError(
        .failed, "cannot mount \(device), which was \(part.place) before ast: \(Errno(rawValue: -mount))")
    }
    let file = FileDescriptor(rawValue: mount)
    return try file.closeAfter { try OpenDirectory(FilePath("/proc/self/fd/\(mount)")) }
  }

  /// At a start, the kernel may still be looking for disks.
  private func device(
    of part: AdoptionRecord.Original.Part, until end: ContinuousClock.Instant
  ) throws -> FilePath {
    while true {
      do {
        return try DeviceName(part.source).device()
      } catch let error as AstError where error.code == .failed {
        guard ContinuousClock.now < end else {
          throw AstError(
            .notFound, "the file system \(part.source), which was \(part.place) before ast, is not there",
            hint: "both disks have to be there for the first start")
        }
        usleep(200_000)
      }
    }
  }
}
