import Btrfs
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// A store: the directory on a btrfs that holds the snapshot tree, with its database open.
///
/// The verbs (`clone`, `del`, `run` …) are extensions of this type, one file each.
public final class Store {
  /// The store's directory.
  public let root: FilePath
  /// The tree: the only truth about what a node is.
  public let tree: TreeDatabase
  /// How long this command waits for a node that another command works on.
  public let wait: LockWait
  /// This command as it was typed, for the history and for commands that meet its locks.
  package let command: String
  /// The first operation that this command has entered.
  let leader: CommandLeader
  /// The first operation that was entered in the change at work.
  var begun: OperationID?
  /// The inode of the database as it was opened.
  private let databaseFile: ino_t?
  /// Reads the settings of the machine and of nodes; used only where a setting is needed.
  package let reader: SettingsReader
  /// The boot menu that this process knows to be published; nil if it has not checked yet.
  var publishedMenu: MenuContents?
  /// The space on the boot volume that a deployment at work wants free, in bytes.
  var wantedBootSpace: Int64 = 0
  /// The names of systems, for the boot menu.
  var systemNames = SystemNames()
  /// Called with what the work comes to, in whatever thread does it.
  package let report: @Sendable (StoreEvent) -> Void
  private let tell: (String) -> Void
  private var told: Set<String> = []

  /// Opens the store at `root`.
  ///
  /// - Parameters:
  ///   - reader: reads the settings of the machine and of nodes.
  ///   - report: called with what the work comes to, in whatever thread does it.
  ///   - warn: called with what could not be finished after a change was committed; the next command does it.
  /// - Throws: `AstError` if there is no store, it is damaged, or `access` is for writing and it cannot be written.
  public convenience init(
    opening root: FilePath, _ access: Access, wait: LockWait = .never, command: String = "ast",
    reader: SettingsReader, report: @escaping @Sendable (StoreEvent) -> Void = { _ in },
    warn: @escaping (String) -> Void = { _ in }
  ) throws {
    try self.init(
      opening: root, access, wait: wait, command: command, reader: reader, leader: CommandLeader(), report: report,
      warn: warn)
  }

  private init(
    opening root: FilePath, _ access: Access, wait: LockWait, command: String, reader: SettingsReader,
    leader: CommandLeader, report: @escaping @Sendable (StoreEvent) -> Void, warn: @escaping (String) -> Void
  ) throws {
    self.leader = leader
    self.report = report
    self.root = root
    self.wait = wait
    self.command = command
    self.reader = reader
    tell = warn
    try Store.require(access, at: root)
    if access == .writing {
      try Store.makeDerivedDirectories(in: root)
      try Store.keepForRoot(Store.databasePath(in: root))
    }
    let noted = CommitNote(in: root).next
    let database = Store.databasePath(in: root)
    databaseFile = try Store.inode(of: database)
    guard access == .writing || !Store.isForRootAlone(database) else {
      tree = try Store.openPublicCopy(of: root)
      // An older ast does not write the copy.
      if try CommitNote.isAhead(noted, of: tree) {
        tell(
          "this is the tree as it was before the last changes: root sees them, and the next command of root shows them")
      }
      return
    }
    tree = try TreeDatabase(opening: database, access)
    guard try !CommitNote.isAhead(noted, of: tree) else {
      throw AstError(
        .damaged, "the database of \(root) has lost its last changes", state: .unchanged, hint: AstError.rebuildHint)
    }
  }

  /// The same store, for another thread of the same command, which reports its steps itself.
  ///
  /// - Parameter warn: called in that thread.
  package func another(warn: @escaping @Sendable (String) -> Void) throws -> Store {
    try Store(
      opening: root, tree.access, wait: wait, command: command, reader: reader, leader: leader,
      report: { [report] event in
        if case .reached = event { return }
        report(event)
      }, warn: warn)
  }

  /// Reports what could not be finished: once, although each change tries it again.
  package func warn(_ message: String) {
    if told.insert(message).inserted { tell(message) }
  }

  /// Makes the directories of derived files, if they were removed.
  package static func makeDerivedDirectories(in root: FilePath) throws {
    for directory in ["rootfs", "ast/nodes"] { try makeDirectory(directory, in: root) }
    try makePrivateDirectory("ast/lock", in: root)
  }

  /// Takes the permissions of others away from the database: an older ast let all users open it, and hold locks on it
  /// that a change waits for.
  private static func keepForRoot(_ database: FilePath) throws {
    for suffix in ["", "-wal", "-shm"] {
      let file = FilePath(database.string + suffix)
      var status = stat()
      guard lstat(file.string, &status) == 0, status.st_mode & 0o077 != 0 else { continue }
      try Files.setMode(file, 0o600)
    }
  }

  /// Whether this user may not read the database.
  private static func isForRootAlone(_ database: FilePath) -> Bool {
    Glibc.access(database.string, R_OK) != 0 && errno == EACCES
  }

  package static func makeDirectory(_ name: String, in root: FilePath, _ mode: mode_t = 0o755) throws {
    let path = root.appending(name)
    guard mkdir(path.string, mode) == 0 else {
      guard errno == EEXIST else { throw AstError(.failed, "cannot make \(path): \(Errno(rawValue: errno))") }
      return
    }
    failPoint("directory made")
  }

  /// Makes a directory that only root may enter, or takes the permissions of others away from one that is there.
  package static func makePrivateDirectory(_ name: String, in root: FilePath) throws {
    try makeDirectory(name, in: root, 0o700)
    let path = root.appending(name)
    var status = stat()
    guard lstat(path.string, &status) == 0, status.st_mode & 0o7777 != 0o700 else { return }
    try Files.setMode(path, 0o700)
  }

  /// Ensures that the open database is still the store's: `doctor --rebuild` replaces it, and a commit to the old one
  /// would be lost. The caller holds the tree's lock.
  func requireSameDatabase() throws {
    guard try Store.inode(of: Store.databasePath(in: root)) != databaseFile else { return }
    throw AstError(
      .busy, "the database of \(root) was rebuilt meanwhile", state: .unchanged, hint: "run the command again")
  }

  /// Removes the unfinished databases of commands that were killed. The caller holds the tree's lock.
  package static func removeUnfinishedDatabases(in root: FilePath) throws {
    let database = databasePath(in: root)
    let directory = database.removingLastComponent()
    let prefix = "\(database.lastComponent?.string ?? "")."
    for name in try Files.names(in: directory)
    where name.hasPrefix(prefix) && name.contains(".new") {
      try Files.removeFile(directory.appending(name))
    }
  }

  /// Nil if it is not there.
  private static func inode(of path: FilePath) throws -> ino_t? {
    var status = stat()
    guard stat(path.string, &status) != 0 else { return status.st_ino }
    guard errno == ENOENT else { throw AstError(.failed, "cannot examine \(path): \(Errno(rawValue: errno))") }
    return nil
  }

  /// Ensures that there is a store at `root`, damaged or not, that allows this access.
  package static func require(_ access: Access, at root: FilePath) throws {
    guard exists(at: root) else {
      throw AstError(
        .notFound, "there is no store at \(root)",
        hint: "name it with `--store DIR` or `AST_STORE`, or make one with `ast init`")
    }
    if access == .writing { try requireWritable(root) }
  }

  /// Ensures that `root` is on a btrfs that can be written.
  package static func requireWritable(_ root: FilePath) throws {
    guard access(root.string, F_OK) == 0 else {
      throw AstError(.notFound, "\(root): \(Errno(rawValue: errno))", state: .unchanged)
    }
    guard try FileSystem.isBtrfs(root) else {
      throw AstError(
        .failed, "\(root) is not on a btrfs file system", state: .unchanged,
        hint: "mount one there, or let `ast init --image FILE --size 10G` make one")
    }
    guard try !FileSystem.isReadOnly(root) else {
      throw AstError(
        .failed, "the file system of \(root) is mounted read-only", state: .unchanged,
        hint: "look at the kernel's messages for the reason, then run `mount -o remount,rw` on it")
    }
  }

  /// Whether there is a store at `root`, damaged or not.
  public static func exists(at root: FilePath) -> Bool {
    access(databasePath(in: root).string, F_OK) == 0 || access(recordDirectory(in: root).string, F_OK) == 0
  }
}

/// Nodes and their locks.
extension Store {
  /// The node with this number.
  public func node(_ id: NodeID) throws -> Node {
    guard let node = try tree.node(id) else { throw AstError.unknown(id) }
    return node
  }

  /// The node's current generation.
  public func current(_ node: Node) throws -> Generation {
    guard let generation = try tree.generation(of: node.id, node.current) else {
      throw AstError(.damaged, "node \(node.id) has no generation \(node.current)", hint: "run `ast doctor`")
    }
    return generation
  }

  /// The subvolume of a generation. Its UUID shows that it is the one that was committed.
  package func subvolume(of generation: Generation) throws -> Subvolume {
    let subvolume = Subvolume(at: path(of: generation))
    let name = "generation \(generation.number) of node \(generation.node)"
    do {
      guard try subvolume.info().uuid == generation.subvolume.rawValue else {
        throw AstError(
          .damaged, "the subvolume \(subvolume.path) is not \(name): it was replaced behind ast's back",
          hint: "run `ast doctor`")
      }
    } catch let error as BtrfsError where error.code == .notFound || error.code == .notASubvolume {
      throw AstError(.damaged, "\(name) is missing: there is no subvolume \(subvolume.path)", hint: "run `ast doctor`")
    }
    return subvolume
  }

  /// Locks a node for a change; the error names the command that works on it.
  ///
  /// Never wait while you hold the tree's lock: the command that works on the node needs that lock to finish.
  package func lock(_ node: NodeID, _ wait: LockWait? = nil) throws -> Lock {
    var lock = try Lock.take(
      lockName(of: node), in: locks, wait: wait ?? self.wait,
      telling: { warn("waiting for node \(node): \(reason(of: $0))") })
    // A command that has just taken the lock needs a moment to record itself.
    let deadline = ContinuousClock.now + .seconds(2)
    var holder = Lock.holder(of: lockName(of: node), in: locks)
    while lock == nil, holder == nil, ContinuousClock.now < deadline {
      usleep(5000)
      lock = try Lock.take(lockName(of: node), in: locks, wait: .never)
      holder = Lock.holder(of: lockName(of: node), in: locks)
    }
    guard let lock else {
      if let open = openTransaction(of: holder) { throw open.isInTheWay(of: node).naming(named(holder)) }
      holder = named(holder)
      throw AstError(
        .busy, "node \(node) is busy: \(Self.words(holder))", state: .unchanged, hint: Store.waitHint(for: holder)
      ).naming(holder)
    }
    // The base has a lock before it is a node. A node that does not exist needs no lock file, and its number is not
    // reused.
    guard try node == .base || tree.node(node) != nil else {
      lock.removeFile()
      throw AstError.unknown(node)
    }
    // On a full disk the holder cannot be recorded; take the lock anyway.
    try? lock.sign(LockHolder(pid: getpid(), command: command, started: Date()))
    return lock
  }

  /// Takes the lock under which rows are changed. Commands hold it for moments, and no program of a node and no user can
  /// make them hold it longer, so a wait that does not end means that one of them is stuck.
  ///
  /// - Parameter isFinishing: whether an operation that has begun waits for it: then it has more patience, and a stop
  ///   signal does not end it.
  package func lockTree(isFinishing: Bool = false) throws -> Lock {
    let limit: LockWait =
      switch (isFinishing, wait) {
      case (true, _): .seconds(600)
      case (false, .seconds(let seconds)): .seconds(max(seconds, 1))
      case (false, .never): .seconds(60)
      case (false, .forever): .forever
      }
    let lock = try Lock.take("tree", in: locks, wait: limit, isInterruptible: !isFinishing) {
      warn("waiting for the tree: \(Self.words(named($0)))")
    }
    guard let lock else {
      let holder = named(Lock.holder(of: "tree", in: locks))
      throw AstError(
        .busy, "the tree is locked: \(Self.words(holder))", state: .unchanged,
        hint: holder.map { "if it is stuck, end it with `kill \($0.pid)`" } ?? Store.waitHint(for: nil)
      ).naming(holder)
    }
    // On a full disk the holder cannot be recorded; take the lock anyway.
    try? lock.sign(LockHolder(pid: getpid(), command: command, started: Date()))
    return lock
  }

  /// Takes a lock that saves work and on which nothing depends: after `limit`, the caller goes on without it.
  ///
  /// - Parameter purpose: what is waited for, for the user.
  package func lockBriefly(
    _ name: String, in directory: FilePath? = nil, _ limit: Duration, _ purpose: String
  ) throws -> Lock? {
    let seconds = Double(limit / .milliseconds(1)) / 1000
    let lock = try Lock.take(name, in: directory ?? locks, wait: .seconds(seconds)) {
      warn("waiting for \(purpose), for at most \(Int(seconds)) seconds: \(Self.words($0))")
    }
    try? lock?.sign(LockHolder(pid: getpid(), command: command, started: Date()))
    return lock
  }

  /// Whether the command of an operation is alive. Root asks for its lock; others can only look for its process.
  package func isAtWork(_ operation: SnapshotTree.Operation) throws -> Bool {
    guard let node = operation.node else { return true }
    let hasProcess = operation.bootID == Store.bootID && (kill(operation.pid, 0) == 0 || errno == EPERM)
    guard geteuid() == 0 else { return hasProcess }
    guard !hasProcess else { return try !isFree(node) }
    // A process that a killed command has just made holds its locks, too, until it begins. Of a command in another PID
    // namespace nothing but the lock is seen.
    for _ in 0..<Self.stepsForRemains {
      if try isFree(node) { return false }
      usleep(5000)
    }
    return try !isFree(node)
  }

  /// Steps of 5 ms: half a second.
  private static let stepsForRemains = 100

  /// Whether no command works on a node.
  package func isFree(_ node: NodeID) throws -> Bool {
    try Lock.isFree(lockName(of: node), in: locks)
  }

  func lockName(of node: NodeID) -> String { "node-\(node)" }

  /// Who holds a lock, and since when.
  package static func words(_ holder: LockHolder?) -> String {
    guard let holder else { return "another ast command works on it" }
    let name = holder.transaction.map { "t\($0), " } ?? ""
    return "\(name)`\(holder.command)` (pid \(holder.pid), since \(LocalTime.text(holder.started))) works on it"
  }

  /// The holder with its transaction.
  private func named(_ holder: LockHolder?) -> LockHolder? {
    guard var holder else { return nil }
    holder.transaction = operation(of: holder).map { $0.leader ?? $0.id }
    return holder
  }

  /// The open transaction that the holder attends; nil if it is another command.
  private func openTransaction(of holder: LockHolder?) -> OpenTransaction? {
    holder.flatMap(operation(of:)).flatMap(OpenTransaction.init)
  }

  private func operation(of holder: LockHolder) -> SnapshotTree.Operation? {
    (try? tree.running())?.last { $0.pid == holder.pid && $0.bootID == Store.bootID }
  }

  private func reason(of holder: LockHolder?) -> String {
    openTransaction(of: holder).map { "it is \($0.words)" } ?? Self.words(named(holder))
  }

  private static func waitHint(for holder: LockHolder?) -> String {
    "wait for it with `--wait`" + (holder?.transaction.map { ", or follow it with `ast watch t\($0)`" } ?? "")
  }
}
