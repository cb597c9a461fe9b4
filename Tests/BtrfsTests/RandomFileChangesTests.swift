@testable import Btrfs
import CBtrfs
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The changes the kernel tells of are those that a walk through both trees finds, whatever was done to them.
@Suite("Changes of files at random", .requiresRoot) struct RandomFileChangesTests {
  @Test(arguments: 0..<12)
  func areThoseAWalkFinds(round: UInt64) throws {
    let seed = round &+ UInt64.random(in: 0...UInt64.max) << 8
    let directory = try LoopBtrfs.shared.newDirectory()
    var disorder = Disorder(seed: seed)
    let origin = try Subvolume.create(at: directory.appending("origin"))
    try disorder.work(80, in: origin.path)
    // A generation of a node and the next one, or two that come from a third.
    var older = origin
    if round % 2 == 0 {
      older = try origin.snapshot(to: directory.appending("older"), readOnly: false)
      try disorder.work(100, in: older.path)
    }
    let newer = try origin.snapshot(to: directory.appending("newer"), readOnly: false)
    try disorder.work(200, in: newer.path)
    try older.setReadOnly(true)
    try newer.setReadOnly(true)

    #expect(try newer.fileChanges(since: older) == walk(older, newer), "seed \(seed)")
    #expect(try older.fileChanges(since: newer) == walk(newer, older), "seed \(seed)")
    let inside: FilePath = "a"
    let expected = try Truth(older.path, newer.path, in: "a").changes
    #expect(try newer.fileChanges(since: older, in: inside) == expected, "seed \(seed)")
  }

  private func walk(_ older: Subvolume, _ newer: Subvolume) throws -> [FileChange] {
    try Truth(older.path, newer.path, in: nil).changes
  }
}

/// Random things done to files with few names, so that they get into each other's way.
private struct Disorder {
  private var generator: SplitMix

  init(seed: UInt64) { generator = SplitMix(state: seed) }

  mutating func work(_ count: Int, in root: FilePath) throws {
    for _ in 0..<count { step(in: root) }
  }

  /// One random change, which may fail: a directory into itself, a file over a directory.
  private mutating func step(in root: FilePath) {
    let (path, other) = (place(in: root), place(in: root))
    switch Int.random(in: 0..<20, using: &generator) {
    case 0..<4: write(path, O_CREAT | O_TRUNC)
    case 4..<8: mkdir(path, 0o755)
    case 8..<13: rename(path, other)
    case 13: symlink("\(Int.random(in: 0..<3, using: &generator))", path)
    case 14: link(path, other)
    case 15: unlink(path)
    case 16: _ = try? run(["rm", "-rf", path])
    case 17: chmod(path, [0o600, 0o755].randomElement(using: &generator) ?? 0o644)
    case 18: lchown(path, uid_t.random(in: 0..<2, using: &generator), 0)
    default: write(path, O_APPEND)
    }
  }

  private mutating func place(in root: FilePath) -> String {
    let depth = Int.random(in: 1...3, using: &generator)
    return (0..<depth).reduce(root) { path, _ in
      path.appending(["a", "b", "c", "d", "o257-7-0"].randomElement(using: &generator) ?? "e")
    }.string
  }

  private mutating func write(_ path: String, _ flags: Int32) {
    let descriptor = open(path, O_WRONLY | O_NOFOLLOW | flags, 0o644)
    guard descriptor >= 0 else { return }
    // Few contents, so that some files are equal by chance.
    let content = Array(repeating: UInt8.random(in: 0..<3, using: &generator), count: 3000)
    _ = Glibc.write(descriptor, content, content.count)
    close(descriptor)
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

/// The differences between two trees, by looking at every file of both.
private struct Truth {
  private struct Facts {
    var inode: String
    var type: mode_t
    var mode: mode_t
    var owner: [uid_t]
    var content: String
  }

  private let old: [String: Facts]
  private let new: [String: Facts]

  init(_ old: FilePath, _ new: FilePath, in directory: String?) throws {
    self.old = try Self.facts(below: old, directory)
    self.new = try Self.facts(below: new, directory)
  }

  private static func facts(below root: FilePath, _ directory: String?) throws -> [String: Facts] {
    let names = try runSuccessfully(["find", root.string, "-mindepth", "1", "-printf", "%P\\n"]).split(separator: "\n")
    var facts = try names.reduce(into: [:]) { try $0[String($1)] = Self.facts(of: root.appending(String($1))) }
    if let directory { facts = facts.filter { $0.key == directory || $0.key.hasPrefix("\(directory)/") } }
    return facts
  }

  private static func facts(of path: FilePath) throws -> Facts {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
    let type = status.st_mode & S_IFMT
    let program = type == S_IFLNK ? ["readlink", path.string] : ["sha1sum", "--", path.string]
    let content = type == S_IFDIR ? "" : try String(runSuccessfully(program).prefix { $0 != " " })
    // O_PATH | O_NOFOLLOW
    let descriptor = open(path.string, 0o12000000 | O_NOFOLLOW)
    defer { close(descriptor) }
    var inode = cbtrfs_identity()
    guard cbtrfs_identify(descriptor, &inode) == 0 else { throw Errno.badFileDescriptor }
    return Facts(
      inode: "\(inode)", type: type, mode: status.st_mode, owner: [status.st_uid, status.st_gid], content: content)
  }

  var changes: [FileChange] {
    var gone = Set(old.keys).subtracting(new.keys)
    var added = Set(new.keys).subtracting(old.keys)
    var changes = Set(old.keys).intersection(new.keys).compactMap { path in change(.changed, path, path) }
    let moved = movedDirectories(gone, added)
    for path in gone {
      guard let target = target(of: path, moved), new[target]?.inode == old[path]?.inode else { continue }
      gone.remove(path)
      added.remove(target)
      changes += [change(.changed, target, path)].compactMap { $0 }
    }
    for path in added.sorted(by: Self.isBefore) {
      let origins = gone.filter { old[$0]?.inode == new[path]?.inode }
      guard let origin = origins.min(by: Self.isBefore) else { continue }
      gone.remove(origin)
      added.remove(path)
      changes += [change(.renamed, path, origin)].compactMap { $0 }
    }
    changes += gone.map { FileChange(.removed, FilePath($0)) } + added.map { FileChange(.added, FilePath($0)) }
    return changes.sorted { Self.isBefore($0.path.string, $1.path.string) }
  }

  private func movedDirectories(_ gone: Set<String>, _ added: Set<String>) -> [String: String] {
    var moved: [String: String] = [:]
    for path in gone where old[path]?.type == S_IFDIR {
      moved[path] = added.first { new[$0]?.inode == old[path]?.inode }
    }
    return moved
  }

  private func target(of path: String, _ moved: [String: String]) -> String? {
    var above = path
    while let slash = above.lastIndex(of: "/") {
      above = String(above[..<slash])
      if let other = moved[above] { return other + path.dropFirst(above.count) }
    }
    return nil
  }

  private func change(_ kind: FileChange.Kind, _ path: String, _ origin: String) -> FileChange? {
    guard let old = old[origin], let new = new[path] else { return nil }
    var differences: [FileChange.Difference] = []
    if old.type != new.type {
      differences = [.type]
    } else {
      if old.content != new.content { differences.append(old.type == S_IFLNK ? .target : .content) }
      if old.mode != new.mode { differences.append(.mode) }
      if old.owner != new.owner { differences.append(.owner) }
    }
    guard kind == .renamed || !differences.isEmpty else { return nil }
    return FileChange(
      kind, FilePath(path), from: kind == .renamed ? FilePath(origin) : nil, differences: differences)
  }

  private static func isBefore(_ left: String, _ right: String) -> Bool {
    left.split(separator: "/").lexicographicallyPrecedes(right.split(separator: "/")) { $0 < $1 }
  }
}
