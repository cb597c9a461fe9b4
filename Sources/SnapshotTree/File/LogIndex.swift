internal import Glibc
internal import Synchronization
internal import SystemPackage

/// The index of a write-ahead log, the `-shm` file (https://sqlite.org/walformat.html, 2).
enum LogIndex {
  /// Whether the index is that of the log: it is initialized and has the salts of the log's header.
  ///
  /// A command that is killed in its first commit leaves a new log and the index of the log before. A connection that
  /// may not write the index then waits ten seconds for a writer to repair it, and fails (`walBeginShmUnreliable` in
  /// `src/wal.c`).
  static func describes(_ log: FilePath, in index: FilePath) -> Bool {
    // A log without a header is empty, whatever the index says.
    guard let header = try? header(of: log), let description = beginning(of: index) else { return true }
    let isInitialized = description[12] != 0
    return isInitialized && description[32..<40] == header[16..<24]
  }

  private static func header(of log: FilePath) throws -> [UInt8]? {
    let file = try FileDescriptor.open(log, .readOnly, options: .closeOnExec)
    return try file.closeAfter { try read(32, of: file) }
  }

  private static func read(_ size: Int, of file: FileDescriptor) throws -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: size)
    let count = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
    return count == size ? bytes : nil
  }

  // MARK: Reading the index

  private struct File: Hashable {
    let device: UInt64
    let inode: UInt64
  }

  /// The indices that this process has read. They stay open: closing one would drop the locks of all connections of
  /// this process (fcntl(2), "Record locks").
  private static let files = Mutex<[File: FileDescriptor]>([:])

  private static func beginning(of index: FilePath) -> [UInt8]? {
    var status = stat()
    guard index.withPlatformString({ stat($0, &status) }) == 0 else { return nil }
    let identity = File(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    let file = files.withLock { files in
      if let open = files[identity] { return open as FileDescriptor? }
      let file = try? FileDescriptor.open(index, .readOnly, options: .closeOnExec)
      files[identity] = file
      return file
    }
    return try? file.flatMap { try read(48, of: $0) }
  }
}
