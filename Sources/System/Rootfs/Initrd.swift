import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The initrd of a kernel in a root.
package struct Initrd {
  /// What can be said about the content of an initrd.
  package enum Content {
    /// It has these files.
    case files(Set<String>)
    /// It cannot be read, for this reason.
    case unreadable(String)
  }

  private let root: RootDirectory
  private let version: String

  /// The initrd of the kernel with this version.
  package init(of version: String, in root: FilePath) { (self.root, self.version) = (RootDirectory(root), version) }

  private var place: FilePath { FilePath("/boot").appending("initrd.img-\(version)") }

  /// Whether another root has the same file. In a snapshot, an initrd that nobody has written is the same inode, changed
  /// at the same time.
  package func isSame(as other: Initrd) throws -> Bool {
    guard let (own, theirs) = try identity().flatMap({ own in try other.identity().map { (own, $0) } }) else {
      return false
    }
    return own == theirs
  }

  private func identity() throws -> [Int64]? {
    guard let (file, size) = try root.openFile(place, followingLinks: true) else { return nil }
    return try Files.attempt("examine", root.path.pushing(place)) {
      try file.closeAfter {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return [
          Int64(status.st_ino), size, Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
          Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
      }
    }
  }

  /// The modules of the kernel; none if the list of them cannot be read.
  package func modules() throws -> KernelModules {
    KernelModules(
      try root.beginning(of: FilePath("/lib/modules/\(version)/modules.dep"), count: Self.longestList) ?? Data())
  }

  /// The program that makes initrds in the root; nil if there is none.
  package static func maker(in path: FilePath) throws -> InitrdMaker? {
    try InitrdMaker.allCases.first { try RootDirectory(path).status(ofName: FilePath($0.program)) != nil }
  }

  /// Reads which files it has.
  ///
  /// What is compressed is decompressed by the root's own program, in a sandbox that reaches nothing else: whoever can
  /// make that program lie could as well have made the initrd. The archive itself is read here, with bounds.
  ///
  /// - Parameter sandbox: makes a sandbox with the root as its root.
  package func content(in sandbox: () throws -> Sandbox) throws -> Content {
    guard let (file, size) = try root.openFile(place, followingLinks: true) else {
      return .unreadable("it is not a regular file")
    }
    var archive = InitrdArchive()
    try Files.attempt("read", root.path.pushing(place)) {
      try file.closeAfter {
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        while archive.stop == nil, archive.position < size {
          let count = try piece.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: archive.position, into: $0) }
          guard count > 0 else { break }
          archive.add(Array(piece[..<count]))
          archive.skip(archive.skippable)
        }
      }
    }
    guard case .compressed(let compression) = archive.stop else { return Self.content(of: archive, said: "") }
    return try content(after: archive, compression, in: sandbox())
  }

  private func content(
    after plain: InitrdArchive, _ compression: InitrdCompression, in sandbox: Sandbox
  ) throws -> Content {
    var archive = InitrdArchive()
    var said = OutputEnds()
    let command = [
      "/bin/sh", "-c", Self.script, "sh", "\(plain.position + 1)", place.string, compression.program, "\(Self.largest)",
    ]
    let end = try sandbox.run(
      command, within: Self.timeLimit, output: { archive.add($0) }, error: { said.add($0) })
    guard end != nil else {
      return .unreadable("it was not decompressed within \(Self.timeLimit.components.seconds) seconds")
    }
    guard case .files(let files) = Self.content(of: archive, said: said.text) else {
      return Self.content(of: archive, said: said.text)
    }
    return .files(plain.files.union(files))
  }

  private static func content(of archive: InitrdArchive, said: String) -> Content {
    if archive.isComplete { return .files(archive.files) }
    switch archive.stop {
    case .unreadable(let reason): return .unreadable(reason)
    case .compressed: return .unreadable("it is compressed more than once")
    case nil: return .unreadable(said.split(separator: "\n").first.map(String.init) ?? "it has no end")
    }
  }

  /// What was read to its end is complete, whatever the program says about what comes after it.
  private static let script = #"tail -c "+$1" "$2" | "$3" -dc | head -c "$4""#
  private static let pieceSize = 1 << 16
  /// Several times what the largest initrd has, in bytes.
  private static let largest: Int64 = 4 << 30
  /// Many times what it takes; an emulated machine is slow.
  private static let timeLimit = Duration.seconds(300)
  /// Many times the length of the list of Debian's kernel, which has four thousand modules.
  private static let longestList = 1 << 24
}
