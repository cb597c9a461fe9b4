import Glibc
import Synchronization
import SystemPackage

/// A btrfs of its own for the tests: a sparse image, loop-mounted, gone when the process exits.
///
/// Each lives in a directory `ast-test-<pid>-<start time of that process>-<n>`; what a killed process left behind is
/// known by that name and removed by the next one that makes a file system.
public final class LoopBtrfs: Sendable {
  /// Where the file system is mounted.
  public let root: FilePath

  /// Nil where another process has made it.
  private let home: FilePath?
  private let directories = Atomic(0)

  private static let sharedResult = Result {
    if let given = getenv(sharedVariable) { return LoopBtrfs(existing: FilePath(String(cString: given))) }
    return try large()
  }
  private static let homes = Mutex<[FilePath]>([])
  private static let made = Atomic(0)

  /// The file system of this test process: ``large()``, made at first use, or the one that ``sharedVariable`` names.
  public static var shared: LoopBtrfs {
    get throws { try sharedResult.get() }
  }

  /// The variable of the environment that names the root of a file system: test processes that follow each other
  /// share it.
  public static let sharedVariable = "AST_TEST_DISK"

  /// A file system of 12 GiB, sparse: half of them must be free in memory, and all tests together use less.
  public static func large() throws -> LoopBtrfs {
    try LoopBtrfs(size: 12 << 30, mkfsOptions: [], in: place(for: 6 << 30))
  }

  /// A private file system of `size` bytes (mkfs.btrfs wants about 110 MiB), for tests that fill it up or make it
  /// read-only. Ends with ``remove()``, at the latest when the process exits.
  public static func small(size: Int64 = 128 << 20, mkfsOptions: [String] = []) throws -> LoopBtrfs {
    try LoopBtrfs(size: size, mkfsOptions: mkfsOptions, in: place(for: size))
  }

  /// A private file system whose image is on a disk and never in memory: there, what is made durable costs what it
  /// costs. Ends as that of ``small(size:mkfsOptions:)`` does.
  public static func onDisk(size: Int64) throws -> LoopBtrfs {
    try LoopBtrfs(size: size, mkfsOptions: [], in: disk)
  }

  /// A new empty directory (a subvolume) of this file system, for one test.
  public func newDirectory() throws -> FilePath {
    var path: FilePath
    repeat {
      path = root.appending("d\(directories.add(1, ordering: .relaxed).newValue)")
    } while access(path.string, F_OK) == 0
    try runSuccessfully(["btrfs", "subvolume", "create", path.string])
    return path
  }

  /// A directory that is made once on this file system, whichever test process needs it first.
  public func directory(named name: String, makingIt make: (FilePath) throws -> Void) throws -> FilePath {
    let path = root.appending(name)
    if access(path.string, F_OK) == 0 { return path }
    let directory = try newDirectory()
    try make(directory)
    guard rename(directory.string, path.string) == 0 else { throw Errno(rawValue: errno) }
    return path
  }

  /// How many bytes of it are used.
  public var used: Int64 {
    var status = statvfs()
    guard statvfs(root.string, &status) == 0 else { return 0 }
    return Int64(status.f_blocks - status.f_bfree) * Int64(status.f_frsize)
  }

  /// Mounts the file system again with `options`, for instance `ro`.
  public func remount(_ options: String) throws {
    try runSuccessfully(["mount", "-o", "remount,\(options)", root.string])
  }

  /// Unmounts the file system and removes its image.
  public func remove() {
    guard let home else { return }
    Self.homes.withLock { homes in homes.removeAll { $0 == home } }
    Self.removeHome(home)
  }

  private init(existing root: FilePath) {
    self.root = root
    home = nil
  }

  private init(size: Int64, mkfsOptions: [String], in base: FilePath) throws {
    Self.prepareProcess
    let number = Self.made.add(1, ordering: .relaxed).newValue
    let home = base.appending("\(Self.ownPrefix)\(number)")
    self.home = home
    root = home.appending("mount")
    Self.homes.withLock { $0.append(home) }

    let image = home.appending("image")
    for directory in [home, root] {
      guard mkdir(directory.string, 0o700) == 0 else { throw Errno(rawValue: errno) }
    }
    // Tests run programs under other users.
    guard chmod(home.string, 0o755) == 0, chmod(root.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    let file = try FileDescriptor.open(
      image, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
    defer { try? file.close() }
    try file.resize(to: size)
    try runSuccessfully(["mkfs.btrfs", "-q"] + mkfsOptions + [image.string])
    // The loop device goes with the mount: mount(8) sets its "autoclear" flag.
    try runSuccessfully(["mount", "-t", "btrfs", "-o", "loop", image.string, root.string])
  }

  /// Done once in a process, before its first file system.
  private static let prepareProcess: Void = {
    for base in bases {
      for name in names(in: base) where isStale(name) { removeHome(base.appending(name)) }
    }
    atexit { LoopBtrfs.homes.withLock { homes in for home in homes { LoopBtrfs.removeHome(home) } } }
  }()

  // MARK: Where images live

  private static let memory: FilePath = "/dev/shm"
  private static let disk: FilePath = "/var/tmp"
  private static let bases = [memory, disk]

  /// Memory where so many bytes are free, the disk otherwise.
  private static func place(for bytes: Int64) -> FilePath {
    var status = statvfs()
    guard statvfs(memory.string, &status) == 0, let available = availableMemory() else { return disk }
    return min(Int64(status.f_bavail) * Int64(status.f_frsize), available) >= bytes ? memory : disk
  }

  /// The place a tmpfs(5) promises may be as large as all memory: this is what is left of it.
  private static func availableMemory() -> Int64? {
    guard let file = fopen("/proc/meminfo", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
      if words.count > 1, words[0] == "MemAvailable:" { return Int64(words[1]).map { $0 << 10 } }
    }
    return nil
  }

  private static func removeHome(_ home: FilePath) {
    // Detached, not unmounted, when a test left something open: the kernel frees it with the last user.
    let root = home.appending("mount").string
    while umount(root) == 0 {}
    umount2(root, Int32(MNT_DETACH))
    unlink(home.appending("image").string)
    rmdir(root)
    rmdir(home.string)
  }

  private static func names(in directory: FilePath) -> [String] {
    guard let stream = opendir(directory.string) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { names.append(String(cString: $0)) }
      }
    }
    return names
  }

  // MARK: Whose images they are

  private static let prefix = "ast-test-"
  private static var ownPrefix: String { "\(prefix)\(getpid())-\(startTime(of: getpid()) ?? "0")-" }

  private static func isStale(_ name: String) -> Bool {
    let parts = name.split(separator: "-")
    guard name.hasPrefix(prefix), parts.count == 5, let pid = pid_t(parts[2]) else { return false }
    return startTime(of: pid) != String(parts[3])
  }

  /// Field 22 of /proc/PID/stat (proc(5)): with the pid it names a process for as long as the machine runs.
  private static func startTime(of pid: pid_t) -> String? {
    guard let file = fopen("/proc/\(pid)/stat", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 1024)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    // Field 2 is the program's name in parentheses and may contain anything: count from its end.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? String(fields[20]) : nil
  }
}
