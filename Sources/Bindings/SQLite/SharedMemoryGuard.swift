internal import CSQLite

internal import Glibc

/// Keeps a full disk from killing the process.
///
/// In WAL mode SQLite writes to the `-shm` file through a shared mapping. On a file system that allocates on write,
/// as btrfs does, and has no space left, such a write does not fail but raises SIGBUS (`btrfs_page_mkwrite` in
/// `fs/btrfs/file.c`). SQLite takes an exclusive lock before it writes to a mapping, so this is the place to have the
/// pages made writable with `MADV_POPULATE_WRITE`, which reports instead of signalling (madvise(2)); the lock is then
/// refused with `SQLITE_FULL`. Pages that SQLite adds are treated the same way, but fail as SQLite lets them fail, with
/// `SQLITE_IOERR_SHMSIZE`.
///
/// A gap remains between that and the write: pages that are written back within it, on a disk that becomes full within
/// it. `populate(_:)` just before a commit makes it short.
final class SharedMemoryGuard {
  /// Two tables of file methods side by side: first the one that SQLite calls, then the one of its VFS.
  private let methods: UnsafeMutablePointer<sqlite3_io_methods>
  private let file: UnsafeMutablePointer<sqlite3_file>

  /// Guards the main database file of a connection that has not used it yet.
  init?(_ file: UnsafeMutablePointer<sqlite3_file>) {
    guard let original = file.pointee.pMethods, original.pointee.iVersion >= 2,
      original.pointee.xShmMap != nil, original.pointee.xShmLock != nil
    else { return nil }
    self.file = file
    methods = .allocate(capacity: 2)
    methods.initialize(repeating: original.pointee, count: 2)
    methods[0].xShmMap = { file, region, size, extend, pointer in
      guard let file, let original = SharedMemoryGuard.original(of: file), let map = original.xShmMap else {
        return csqlite_ioerr_shmmap
      }
      let result = map(file, region, size, extend, pointer)
      guard result == SQLITE_OK, extend != 0, let mapping = pointer?.pointee else { return result }
      return SharedMemoryGuard.makeWritable(mapping, Int(size)) ? SQLITE_OK : csqlite_ioerr_shmsize
    }
    methods[0].xShmLock = { file, offset, count, flags in
      guard let file, let original = SharedMemoryGuard.original(of: file), let lock = original.xShmLock else {
        return csqlite_ioerr_shmlock
      }
      if flags == SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE, !SharedMemoryGuard.populate(file, original) {
        return SQLITE_FULL
      }
      return lock(file, offset, count, flags)
    }
    file.pointee.pMethods = UnsafePointer(methods)
  }

  deinit { methods.deallocate() }

  /// Makes all mapped pages writable. Returns false if the file system has no space for that.
  func populate() -> Bool {
    SharedMemoryGuard.populate(file, methods[1])
  }

  /// Number and checksum of the last frame, the size of the database, and the salts of the log, from the header of the
  /// index (https://sqlite.org/walformat.html, 2.1).
  var endOfLog: [UInt8]? {
    guard let map = methods[1].xShmMap else { return nil }
    var mapping: UnsafeMutableRawPointer?
    guard map(file, 0, SharedMemoryGuard.regionSize, 0, &mapping) == SQLITE_OK, let mapping else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: mapping, count: 40)[16...])
  }

  private static func original(of file: UnsafeMutablePointer<sqlite3_file>) -> sqlite3_io_methods? {
    file.pointee.pMethods?.advanced(by: 1).pointee
  }

  /// The size in which SQLite maps the file (`WALINDEX_PGSZ` in `src/wal.c`).
  private static let regionSize: Int32 = 32768

  private static func populate(_ file: UnsafeMutablePointer<sqlite3_file>, _ methods: sqlite3_io_methods) -> Bool {
    guard let map = methods.xShmMap else { return true }
    var region: Int32 = 0
    while true {
      var mapping: UnsafeMutableRawPointer?
      // Without `extend` this only returns existing pages.
      guard map(file, region, regionSize, 0, &mapping) == SQLITE_OK, let mapping else { return true }
      guard makeWritable(mapping, Int(regionSize)) else { return false }
      region += 1
    }
  }

  private static func makeWritable(_ mapping: UnsafeMutableRawPointer, _ size: Int) -> Bool {
    // EINVAL: a kernel before 5.14, or memory that is not a shared mapping. EFAULT: the write would raise the signal.
    madvise(mapping, size, MADV_POPULATE_WRITE) == 0 || errno != EFAULT
  }
}
