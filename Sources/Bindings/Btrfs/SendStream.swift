import CBtrfs
import Glibc
import SystemPackage

/// The changes between two read-only subvolumes, reported by the kernel: the stream of btrfs-send(8), without the data
/// of files. The kernel skips what the two trees share, so the time it takes depends on the changes only.
///
/// This is version 1 of the format (fs/btrfs/send.h), the default.
struct SendStream {
  private static let operation = "compare"
  private static let magic = Array("btrfs-stream".utf8) + [0]
  private static let headerSize = 10
  private static let end: UInt16 = 21
  /// The number of attempts to begin.
  private static let patience = 10_000

  private let path: FilePath
  private let input: Int32
  private var buffer: [UInt8] = []
  private var position = 0

  /// Calls `body` with each command of the stream that turns `older` into `newer`. Both are read-only.
  ///
  /// The kernel does not begin while files of one of them are deduplicated (`ast dedupe`). That takes moments, so this
  /// call waits for it.
  ///
  /// Throws `.notPermitted` (needs CAP_SYS_ADMIN) also for a writable one, `.other` with EBADMSG for an invalid
  /// stream.
  static func read(
    from older: Subvolume, to newer: Subvolume, _ body: (SendCommand) throws(BtrfsError) -> Void
  ) throws(BtrfsError) {
    var tries = 1
    while try !hasRead(from: older, to: newer, body, isLast: tries == patience) {
      tries += 1
      usleep(2000)
    }
  }

  /// Whether the kernel has begun, and therefore come to the end.
  private static func hasRead(
    from older: Subvolume, to newer: Subvolume, _ body: (SendCommand) throws(BtrfsError) -> Void, isLast: Bool
  ) throws(BtrfsError) -> Bool {
    let parent = try older.info().id
    let directory = try OpenFile(newer.path, for: operation)
    var send: OpaquePointer?
    let input = OpenFile(
      Int32(
        try BtrfsError.check(operation, newer.path, result: cbtrfs_send_begin(directory.descriptor, parent, &send))))
    var stream = SendStream(path: newer.path, input: input.descriptor)
    let failure: BtrfsError?
    do throws(BtrfsError) {
      try stream.readCommands(body)
      failure = nil
    } catch {
      failure = error
    }
    _ = consume input
    let result = cbtrfs_send_end(send)
    if result == -EAGAIN, !isLast { return false }
    // The kernel's reason comes first: a stream that it broke off is malformed too. That nobody reads is no reason.
    if result != -EPIPE { try BtrfsError.check(operation, newer.path, result: result) }
    if let failure { throw failure }
    return true
  }

  private init(path: FilePath, input: Int32) {
    self.path = path
    self.input = input
  }

  private mutating func readCommands(_ body: (SendCommand) throws(BtrfsError) -> Void) throws(BtrfsError) {
    var header = try take(Self.magic.count + 4)
    guard header.starts(with: Self.magic) else { throw malformed }
    header.removeFirst(Self.magic.count)
    guard header.readInteger() == UInt32(1) else { throw malformed }
    while let (number, attributes) = try nextCommand() {
      guard let command = SendCommand.read(number, attributes) else { throw malformed }
      try body(command)
    }
  }

  /// The next command's number and attributes; nil at the end of the stream.
  private mutating func nextCommand() throws(BtrfsError) -> (UInt16, ArraySlice<UInt8>)? {
    let header = Array(try take(Self.headerSize))
    var fields = header[...]
    guard let size: UInt32 = fields.readInteger(), let number: UInt16 = fields.readInteger(),
      let checksum: UInt32 = fields.readInteger()
    else { throw malformed }
    let attributes = try take(Int(size))
    // The checksum is made with zeroes in its own place.
    let sum = CRC32C.sum(attributes, after: CRC32C.sum([0, 0, 0, 0], after: CRC32C.sum(header.prefix(6), after: 0)))
    guard sum == checksum else { throw malformed }
    return number == Self.end ? nil : (number, attributes)
  }

  private mutating func take(_ count: Int) throws(BtrfsError) -> ArraySlice<UInt8> {
    while buffer.count - position < count { try fill() }
    defer { position += count }
    return buffer[position..<position + count]
  }

  private mutating func fill() throws(BtrfsError) {
    buffer.removeSubrange(..<position)
    position = 0
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    var count = Glibc.read(input, &piece, piece.count)
    while count < 0, errno == EINTR { count = Glibc.read(input, &piece, piece.count) }
    guard count >= 0 else { throw BtrfsError(Self.operation, path, Errno(rawValue: errno)) }
    guard count > 0 else { throw malformed }
    buffer.append(contentsOf: piece.prefix(count))
  }

  private var malformed: BtrfsError { BtrfsError(Self.operation, path, .badMessage) }
}

/// The checksum of send streams: CRC-32C (RFC 3720, appendix B.4), without its inversions at both ends.
private enum CRC32C {
  private static let table = (0..<UInt32(256)).map { byte in
    (0..<8).reduce(byte) { sum, _ in sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82f6_3b78 }
  }

  static func sum(_ bytes: some Sequence<UInt8>, after sum: UInt32) -> UInt32 {
    bytes.reduce(sum) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
