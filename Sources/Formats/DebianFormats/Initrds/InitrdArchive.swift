/// The files in an initrd, as its bytes come.
///
/// An initrd is a sequence of archives in the format newc of cpio(5), with zeros between them, and what follows them may
/// be compressed (Documentation/driver-api/early-userspace/buffer-format.rst of Linux): first the processor's microcode,
/// which the kernel reads before it can decompress, perhaps what is compressed file by file, then all the rest.
///
///     var archive = InitrdArchive()
///     archive.add(bytes)
public struct InitrdArchive: Sendable {
  /// Why the bytes that follow are not read.
  public enum Stop: Hashable, Sendable {
    /// They are compressed.
    case compressed(InitrdCompression)
    /// They cannot be read, for this reason.
    case unreadable(String)
  }

  /// The paths of all files but directories, without a slash at the start. A table of disks without a line is left out.
  public private(set) var files: Set<String> = []
  /// Why reading has stopped; nil if it goes on.
  public private(set) var stop: Stop?
  /// The bytes that were read or skipped. Where a compressed part stops the reading, it begins here.
  public private(set) var position: Int64 = 0
  /// The next bytes, the content of a file, need not be read.
  public private(set) var skippable: Int64 = 0

  private var part = Part.between
  private var pending: [UInt8] = []
  private var zeros = 0
  private var entries = 0
  private var nameBytes = 0
  private var hasEnded = false

  /// Nothing has been read yet.
  public init() {}

  /// Whether what was read ends with the end of an archive: nothing is missing.
  public var isComplete: Bool { stop == nil && hasEnded && part == .between && pending.isEmpty }

  /// Reads the next bytes.
  public mutating func add(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while stop == nil, !rest.isEmpty {
      if skippable > 0 {
        let count = Int(min(skippable, Int64(rest.count)))
        skip(Int64(count))
        rest = rest.dropFirst(count)
      } else if part == .between, pending.isEmpty, rest.first == 0 {
        let count = rest.prefix(Self.longestPadding + 1).prefix { $0 == 0 }.count
        zeros += count
        position += Int64(count)
        rest = rest.dropFirst(count)
        if zeros > Self.longestPadding { stop = .unreadable("its archives are far apart") }
      } else {
        let piece = rest.prefix(needed - pending.count)
        pending += piece
        position += Int64(piece.count)
        rest = rest.dropFirst(piece.count)
        if pending.count == needed { next() }
      }
    }
  }

  /// Passes over the next bytes, at most those that are ``skippable``.
  public mutating func skip(_ count: Int64) {
    let count = min(count, skippable)
    skippable -= count
    position += count
  }

  private enum Part: Equatable {
    case between
    case header
    /// The name of an entry, with the NUL after it.
    case name(length: Int, size: Int64, isDirectory: Bool)
  }

  /// The length of the part that comes.
  private var needed: Int {
    switch part {
    case .between: InitrdCompression.longestMagic
    case .header: Self.headerLength
    case .name(let length, _, _): Self.padded(Self.headerLength + length) - Self.headerLength
    }
  }

  private mutating func next() {
    switch part {
    case .between: begin()
    case .header: readHeader()
    case .name(let length, let size, let isDirectory): readName(length, size, isDirectory: isDirectory)
    }
  }

  private mutating func begin() {
    zeros = 0
    if Self.magics.contains(pending) {
      (part, hasEnded) = (.header, false)
    } else if let compression = InitrdCompression(start: pending) {
      position -= Int64(pending.count)
      stop = .compressed(compression)
    } else {
      stop = .unreadable("it is neither an archive of cpio(5) nor compressed in a way that is known")
    }
  }

  private mutating func readHeader() {
    entries += 1
    guard Self.magics.contains(Array(pending.prefix(6))), let mode = field(1), let size = field(6),
      let length = field(11),
      (1...Self.longestName).contains(Int(length)), entries <= Self.mostEntries
    else {
      stop = .unreadable("an entry of its archive is damaged")
      return
    }
    pending = []
    part = .name(length: Int(length), size: Int64(size), isDirectory: mode & 0o170000 == 0o040000)
  }

  /// A number of the header: eight digits of base 16.
  private func field(_ index: Int) -> UInt32? {
    UInt32(String(decoding: pending[(6 + 8 * index)..<(14 + 8 * index)], as: UTF8.self), radix: 16)
  }

  private mutating func readName(_ length: Int, _ size: Int64, isDirectory: Bool) {
    let name = pending.prefix(length).prefix { $0 != 0 }
    pending = []
    nameBytes += name.count
    guard nameBytes <= Self.mostNameBytes else {
      stop = .unreadable("the names in it are too long")
      return
    }
    guard name.elementsEqual("TRAILER!!!".utf8) else {
      let path = name.starts(with: "./".utf8) ? name.dropFirst(2) : name.drop { $0 == UInt8(ascii: "/") }
      let isTable = path.elementsEqual(InitrdNeed.tableOfDisks.utf8)
      if !isDirectory, size > 0 || !isTable { files.insert(String(decoding: path, as: UTF8.self)) }
      (part, skippable) = (.header, Int64(Self.padded(Int(size))))
      return
    }
    (part, hasEnded) = (.between, true)
  }

  private static func padded(_ length: Int) -> Int { (length + 3) & ~3 }

  private static let magics = ["070701", "070702"].map { Array($0.utf8) }
  private static let headerLength = 110
  /// PATH_MAX: the kernel takes no longer name.
  private static let longestName = 4096
  /// Many times what the largest initrd of Debian has. Each name is kept.
  private static let mostEntries = 1 << 18
  private static let mostNameBytes = 1 << 25
  /// Programs fill up to a block of 512 bytes, boot loaders to a page.
  private static let longestPadding = 1 << 20
}
