import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// The result of an attempt to share files between nodes.
public struct SharedFiles: Sendable, Equatable {
  /// The bytes that no longer take separate space.
  public internal(set) var bytes: Int64 = 0
  /// The files they are in.
  public internal(set) var files = 0
  /// The files that should have been shared and could not be.
  public internal(set) var failures = 0
  /// The reason why the first of those could not be, in a sentence without a full stop.
  public internal(set) var firstFailure: String?
  /// Whether it ended early: the disk is full or read-only, so that every further file would fail too, or a signal
  /// asked to stop.
  public internal(set) var isIncomplete = false
  /// Why every further file would fail, if that ended it.
  var diskFailure: BtrfsError?

  /// Adds the result of another attempt.
  mutating func add(_ other: SharedFiles) {
    bytes += other.bytes
    files += other.files
    failures += other.failures
    firstFailure = firstFailure ?? other.firstFailure
    isIncomplete = isIncomplete || other.isIncomplete
    diskFailure = diskFailure ?? other.diskFailure
  }
}

/// Nodes with the same version of a package share its files on the disk, although each got them from apt separately.
extension Store {
  /// The packages that a transaction brought into a node.
  static func newPackages(from before: [InstalledPackage], to after: [InstalledPackage]) -> [Package] {
    Array(Set(after.map(Package.init)).subtracting(before.map(Package.init))).sorted()
  }

  /// Lets the files of `packages` in the root `target`, a clone or a generation of `node`, use the space of the same
  /// files in the current generations of other nodes. No readable content changes: dpkg's checksums only say where to
  /// look, and the kernel compares the bytes.
  ///
  /// Files that were just written should be on the disk before this: `FileSystem.sync` writes them together, while here
  /// the kernel would write them one by one and wait for each.
  ///
  /// A file that cannot be shared is not an error: it still takes its own space. But the reason may be news (a disk
  /// that cannot be read), so the caller should report it.
  ///
  /// - Parameter later: nodes with which nothing is shared.
  /// - Throws: `TreeError`.
  func shareFiles(
    of packages: [Package], in target: FilePath, of node: NodeID, except later: Set<NodeID> = []
  ) throws -> SharedFiles {
    let root = RootDirectory(target)
    var shared = SharedFiles()
    var pairs: [FilePair] = []
    var donors: [NodeID: RootDirectory] = [:]
    for package in packages {
      guard let donor = try tree.node(with: package, otherThan: node), !later.contains(donor) else { continue }
      // The other node is not locked: if it was deleted meanwhile, nothing is shared.
      guard let other = donors[donor] ?? (try? RootDirectory(subvolume(of: current(self.node(donor))).path)) else {
        continue
      }
      donors[donor] = other
      shared.attempt("the checksums of \(package.name) in \(target)") { _ in
        pairs += try FilePair.all(of: package, in: root, and: other)
      }
    }
    shared.share(pairs)
    return shared
  }
}

/// A file that should be equal in two roots.
private struct FilePair {
  let path: FilePath
  let root: RootDirectory
  let other: RootDirectory

  /// The files of a package for which both roots have the same checksum.
  static func all(of package: Package, in root: RootDirectory, and other: RootDirectory) throws -> [FilePair] {
    let others = try other.checksums(of: package)
    return try root.checksums(of: package).filter { others[$0.key] == $0.value }.map {
      FilePair(path: $0.key, root: root, other: other)
    }
  }

  /// Smaller files are in the tree, with the metadata, where nothing can be shared.
  private static let block: Int64 = 4096

  /// Opens both files and has the kernel read ahead their beginning. Nil if they already share all of their space,
  /// differ in size, or one was changed or removed since it was installed.
  func open() throws -> OpenPair? {
    guard let copy = try root.openFile(path) else { return nil }
    guard copy.size >= Self.block, let original = try other.openFile(path) else {
      try copy.descriptor.close()
      return nil
    }
    let pair = OpenPair(path: root.path.pushing(path), copy: copy.descriptor, original: original.descriptor)
    guard original.size == copy.size, try pair.isApart() else {
      pair.close()
      return nil
    }
    for file in [copy, original] { posix_fadvise(file.descriptor.rawValue, 0, 1 << 24, POSIX_FADV_WILLNEED) }
    return pair
  }
}

/// The two files, open for reading.
private struct OpenPair {
  let path: FilePath
  let copy: FileDescriptor
  let original: FileDescriptor

  /// Whether there is anything to share; closes both files if the kernel cannot tell.
  func isApart() throws -> Bool {
    do {
      return try bytesApart > 0
    } catch {
      close()
      throw error
    }
  }

  /// The bytes that they do not share.
  var bytesApart: Int64 { get throws { try Btrfs.bytesApart(copy, from: original, at: path) } }

  /// Shares what is equal. The kernel refuses while the subvolume is being sent, as `ast diff` does for a moment.
  func share() throws {
    for _ in 1..<Self.patience where Interruption.pending == nil {
      if try !isSent() { return }
      usleep(10_000)
    }
    try shareExtents(of: original, with: copy, at: path)
  }

  private static let patience = 1000

  /// Shares what is equal, unless the subvolume is being sent.
  private func isSent() throws(BtrfsError) -> Bool {
    do throws(BtrfsError) {
      try shareExtents(of: original, with: copy, at: path)
      return false
    } catch {
      guard error.errno == .resourceTemporarilyUnavailable else { throw error }
      return true
    }
  }

  func close() {
    for file in [copy, original] { try? file.close() }
  }
}

extension SharedFiles {
  /// How many files are read at the same time. Sharing reads them one by one, which takes ten times as long if they
  /// come from the disk.
  private static let batch = 64

  fileprivate mutating func share(_ pairs: [FilePair]) {
    for start in stride(from: 0, to: pairs.count, by: Self.batch) where !isIncomplete {
      var open: [OpenPair] = []
      defer { for pair in open { pair.close() } }
      for pair in pairs[start..<min(start + Self.batch, pairs.count)] {
        attempt("\(pair.root.path.pushing(pair.path))") { _ in
          if let opened = try pair.open() { open.append(opened) }
        }
      }
      for pair in open where !isIncomplete {
        attempt("\(pair.path)") { try $0.share(pair) }
        if Interruption.pending != nil { isIncomplete = true }
      }
    }
  }

  fileprivate mutating func attempt(_ subject: String, _ step: (inout SharedFiles) throws -> Void) {
    do {
      try step(&self)
    } catch {
      failures += 1
      guard let error = error as? BtrfsError else {
        firstFailure = firstFailure ?? "cannot read \(subject): \(error)"
        return
      }
      firstFailure = firstFailure ?? "\(error)"
      guard [.noSpace, .readOnly].contains(error.code) else { return }
      isIncomplete = true
      diskFailure = error
    }
  }

  private mutating func share(_ pair: OpenPair) throws {
    let before = try pair.bytesApart
    try pair.share()
    let count = try before - pair.bytesApart
    bytes += count
    files += count > 0 ? 1 : 0
  }
}

extension RootDirectory {
  /// The checksums that dpkg keeps of a package's files; empty if it keeps none.
  fileprivate func checksums(of package: Package) throws -> [FilePath: [UInt8]] {
    for state in [PackageState.sysimage.appending("dpkg"), "var/lib/dpkg"] {
      for place in DpkgChecksums.places(of: package.name, package.architecture) {
        if let text = try contents(of: state.pushing(place)) { return DpkgChecksums.files(in: text) }
      }
    }
    return [:]
  }
}
