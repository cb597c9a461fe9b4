import Btrfs
import DebianFormats
import FoundationEssentials
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

/// What the indices of an apt depend on. Nodes with the same key have the same indices, tables included.
struct IndicesKey: Equatable {
  /// What decides what is fetched and which keys are trusted: `/etc/apt` and the files that it names, the keys of Debian's
  /// packages, and the architectures.
  let configuration: Data
  /// What computes: the programs of apt, and the node, if nothing that its apt has computed may be used for another one.
  let programs: Data
  /// Whether its apt takes lists that no signature covers.
  let acceptsUnsigned: Bool
  /// Whether it has sources on the node's own disk. They belong to the node, and are read anew each time.
  let hasLocalSources: Bool

  /// The key of the apt of a node, whose generation is at `root`.
  ///
  /// - Throws: `AstError` if the configuration is implausibly large: a program of the node can write anything there.
  init(of node: NodeID, at root: FilePath, in cache: PackageCache) throws {
    let read = try Self.read(root)
    (configuration, acceptsUnsigned, hasLocalSources) = (read.text, read.acceptsUnsigned, read.hasLocalSources)
    let known = try cache.programs(of: node, at: root)
    guard let known, !read.runsPrograms, !read.acceptsUnsigned, !read.hasLocalSources else {
      programs = Data("node \(node)\n".utf8) + (known ?? Data())
      return
    }
    programs = known
  }

  /// The name of the lock that saves a second command from fetching the same. A hash: FNV-1a with 64 bits; two
  /// configurations with the same one would only wait for each other.
  var lockName: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in configuration { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return "indices-\(String(hash, radix: 16))"
  }

  private static func read(
    _ root: FilePath
  ) throws -> (text: Data, runsPrograms: Bool, acceptsUnsigned: Bool, hasLocalSources: Bool) {
    let inside = RootDirectory(root)
    var (text, runsPrograms, acceptsUnsigned, hasLocalSources) = (Data(), false, false, false)
    let listed = Set(
      try inside.files(below: "/etc/apt") + inside.files(below: "/usr/share/keyrings")
        + ["/var/lib/dpkg/arch"])
    var unread = listed.sorted { $0.string > $1.string }
    var known = listed
    while let file = unread.popLast() {
      let limit = listed.contains(file) ? largest : largestNamed
      guard let contents = try inside.beginning(of: file, count: limit + 1) else { continue }
      if limit == largestNamed, contents.count > limit { runsPrograms = true }
      text += Data("\(file) \(contents.count)\n".utf8) + contents
      guard text.count <= largest else {
        throw AstError(
          .failed, "the configuration and the keys of apt in \(root) are larger than \(largest >> 20) MiB")
      }
      guard file.starts(with: "/etc/apt"), !["gpg", "asc"].contains(file.extension) else { continue }
      let isSettings = file.starts(with: "/etc/apt/apt.conf") || file.starts(with: "/etc/apt/apt.conf.d")
      let said = AptConfiguration(String(decoding: contents, as: UTF8.self), isSettings: isSettings)
      runsPrograms = runsPrograms || said.runsPrograms
      acceptsUnsigned = acceptsUnsigned || said.acceptsUnsigned
      hasLocalSources = hasLocalSources || said.hasLocalSources
      // The state of packages that 00ast-package-state names is no configuration.
      unread += said.paths.map { FilePath($0) }.filter { !$0.starts(with: state) && known.insert($0).inserted }
    }
    return (text, runsPrograms, acceptsUnsigned, hasLocalSources)
  }

  private static let state = FilePath("/").pushing(PackageState.sysimage)
  /// Many times what Debian's sources and keys have, in bytes; and what a file has that they name.
  private static let largest = 32 << 20
  private static let largestNamed = 1 << 20
}

extension PackageCache {
  /// The programs of a node's apt, as ``AptPrograms`` has them, remembered for each generation; nil if it cannot be said
  /// which they are.
  fileprivate func programs(of node: NodeID, at root: FilePath) throws -> Data? {
    let subvolume = try Subvolume(at: root).info()
    guard subvolume.isReadOnly else { return nil }
    let file = programs.appending("\(node)")
    // The same line at both ends: a power cut can leave a part of the file.
    let mark = Data("\(subvolume.uuid)\n".utf8)
    if let kept = try? Data(contentsOf: URL(filePath: file.string)), kept.count >= 2 * mark.count,
      kept.starts(with: mark), kept.suffix(mark.count) == mark
    {
      return Data(kept.dropFirst(mark.count).dropLast(mark.count))
    }
    let found: AptPrograms?
    do {
      found = try AptPrograms(in: root)
    } catch is FileError {
      // A node can have anything in their places.
      found = nil
    }
    guard let found else { return nil }
    let text = Data(found.text.utf8)
    try Files.ensureDirectory(programs)
    let new = programs.appending("\(node).\(UUID()).new")
    try Files.write(mark + text + mark, to: new)
    try Files.rename(new, to: file)
    return text
  }
}
