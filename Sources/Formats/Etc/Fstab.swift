import SystemPackage

/// The file /etc/fstab. Existing lines stay as they are, byte for byte.
///
///     let text = Fstab(content).completing(with: Fstab.layout(fileSystem: uuid, efiPartition: nil)).content
public struct Fstab: Hashable, Sendable {
  /// A line that mounts something.
  public struct Entry: Hashable, Sendable {
    /// The source, as it is written.
    public let source: String
    /// The mount point: `/var` even if the line has `/var/` or an escape.
    public let mountPoint: FilePath
    /// The kind of file system.
    public let type: String
    /// The options, as they are written.
    public let options: String

    /// A line with the two last fields 0: no dump(8), no fsck(8).
    public init(_ source: String, at mountPoint: FilePath, type: String, options: String) {
      self.source = source
      self.mountPoint = mountPoint
      self.type = type
      self.options = options
    }

    fileprivate var line: String { "\(source) \(mountPoint) \(type) \(options) 0 0\n" }
  }

  /// The bytes of the file.
  public private(set) var content: [UInt8]

  /// The file with this content.
  public init(_ content: some Sequence<UInt8>) { self.content = Array(content) }

  /// The entries, in the order of the lines. Lines without a mount point do not count: comments, and `none` for swap.
  public var entries: [Entry] {
    content.split(separator: UInt8(ascii: "\n")).compactMap(Self.entry)
  }

  /// The UUID of the file system that is mounted at a place; nil if there is none, or the line does not use `UUID=`.
  public func uuid(at mountPoint: FilePath) -> String? {
    let prefix = "UUID="
    guard let source = entries.first(where: { $0.mountPoint == mountPoint })?.source, source.hasPrefix(prefix) else {
      return nil
    }
    return String(source.dropFirst(prefix.count))
  }

  /// The swap files that are named by their paths, outside /dev.
  public var swapFiles: [FilePath] {
    content.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = Self.fields(of: line)
      guard fields.count > 2, Array(fields[2]) == Array("swap".utf8) else { return nil }
      return Self.path(fields[0]).flatMap { $0.starts(with: "/dev") ? nil : $0 }
    }
  }

  /// The devices for swapping, as they are written.
  public var swapSources: [String] {
    content.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = Self.fields(of: line)
      guard fields.count > 2, Array(fields[2]) == Array("swap".utf8) else { return nil }
      let source = String(decoding: fields[0], as: UTF8.self)
      return ["/dev/", "UUID=", "PARTUUID=", "LABEL=", "PARTLABEL="].contains(where: source.hasPrefix) ? source : nil
    }
  }

  /// Whether a file is on a file system that an entry mounts, other than the root's.
  public func mountsApart(_ file: FilePath) -> Bool {
    entries.contains { $0.mountPoint != "/" && $0.type != "swap" && file.starts(with: $0.mountPoint) }
  }

  /// The file with lines added at the end for the mount points that it lacks.
  public func completing(with layout: [Entry]) -> Fstab {
    let present = Set(entries.map(\.mountPoint))
    let missing = layout.filter { !present.contains($0.mountPoint) }
    guard !missing.isEmpty else { return self }
    var result = self
    if let last = content.last, last != UInt8(ascii: "\n") { result.content.append(UInt8(ascii: "\n")) }
    result.content += missing.flatMap(\.line.utf8)
    return result
  }

  /// The file for the root of a deployment: the line of the old root is replaced by one that mounts read-only, with the
  /// old options that concern the file system as a whole.
  ///
  /// - Parameter omitted: mount points whose lines are left out.
  public func adopting(fileSystem: String, omitting omitted: Set<FilePath> = []) -> Fstab {
    let old = entries.last { $0.mountPoint == "/" }?.options.split(separator: ",").map(String.init) ?? []
    let kept = old.filter { option in
      !Self.ownOptions.contains(option) && !option.hasPrefix("subvol=") && !option.hasPrefix("subvolid=")
    }
    var layout = Self.layout(fileSystem: fileSystem, efiPartition: nil)
    if let root = layout.firstIndex(where: { $0.mountPoint == "/" }) {
      let options = (["ro", "noatime"] + kept).joined(separator: ",")
      layout[root] = Entry(layout[root].source, at: "/", type: "btrfs", options: options)
    }
    return without(omitted.union(["/"])).completing(with: layout)
  }

  /// The file for a copy of the system on another disk, a btrfs with an EFI system partition beside it.
  ///
  /// - Parameter omitted: mount points whose contents are in the copy of the root.
  public func copied(to fileSystem: String, efiPartition: String, omitting omitted: Set<FilePath>) -> Fstab {
    let layout = Self.layout(fileSystem: fileSystem, efiPartition: efiPartition)
    let made = layout.filter { ["/", "/boot/efi"].contains($0.mountPoint) }
    return without(omitted.union(made.map(\.mountPoint))).completing(with: made)
  }

  private func without(_ mountPoints: Set<FilePath>) -> Fstab {
    var result = self
    result.content = Array(
      content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).filter { line in
        Self.entry(on: line).map { !mountPoints.contains($0.mountPoint) } ?? true
      }.joined(separator: [UInt8(ascii: "\n")]))
    return result
  }

  /// The options of a root that the new line sets itself.
  private static let ownOptions: Set<String> = [
    "defaults", "rw", "ro", "atime", "noatime", "relatime", "strictatime", "lazytime", "nolazytime",
  ]

  /// The mounts of a system of deployments: from a file system with this UUID, and from the EFI system partition with
  /// that UUID, if there is one.
  public static func layout(fileSystem: String, efiPartition: String?) -> [Entry] {
    let source = "UUID=\(fileSystem)"
    let efi = efiPartition.map { uuid in
      Entry("UUID=\(uuid)", at: "/boot/efi", type: "vfat", options: "umask=0077,nofail")
    }
    let entries: [Entry?] = [
      // Without a subvolume: the kernel command line names it.
      Entry(source, at: "/", type: "btrfs", options: "ro,noatime"),
      Entry(source, at: "/.snapshots", type: "btrfs", options: "ro,nosuid,nodev,noatime,subvol=@snapshots"),
      Entry(source, at: "/var", type: "btrfs", options: "noatime,subvol=@var"),
      Entry(source, at: "/home", type: "btrfs", options: "noatime,subvol=@home"),
      Entry(source, at: "/root", type: "btrfs", options: "noatime,subvol=@root"),
      Entry(source, at: "/srv", type: "btrfs", options: "noatime,subvol=@srv"),
      Entry(source, at: "/boot/grub", type: "btrfs", options: "noatime,subvol=@grub"),
      efi,
      Entry("tmpfs", at: "/tmp", type: "tmpfs", options: "mode=1777,nosuid,nodev"),
    ]
    return entries.compactMap { $0 }
  }

  private static func entry(on line: ArraySlice<UInt8>) -> Entry? {
    let fields = fields(of: line)
    guard fields.count > 2, fields[0].first != UInt8(ascii: "#"), let mountPoint = path(fields[1]) else { return nil }
    return Entry(
      String(decoding: fields[0], as: UTF8.self), at: mountPoint, type: String(decoding: fields[2], as: UTF8.self),
      options: fields.count > 3 ? String(decoding: fields[3], as: UTF8.self) : "")
  }

  private static func fields(of line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  }

  /// The absolute path in a field; nil for anything else.
  private static func path(_ field: ArraySlice<UInt8>) -> FilePath? {
    let path = unescaped(field)
    guard path.first == UInt8(ascii: "/"), !path.contains(0) else { return nil }
    return FilePath(platformString: path.map { CInterop.PlatformChar(bitPattern: $0) } + [0]).lexicallyNormalized()
  }

  /// Three octal digits after a backslash are a byte: `\040` is a space (fstab(5)).
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      guard byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) else {
        result.append(byte)
        continue
      }
      result.append(digits.reduce(0) { $0 << 3 | $1 & 7 })
      rest = rest.dropFirst(3)
    }
    return result
  }
}
