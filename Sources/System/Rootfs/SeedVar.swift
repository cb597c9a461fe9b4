import Btrfs
import CFiles
import FileTrees
import Glibc
import Host
import SystemPackage

/// Adds files that a generation has in /var to the /var that all deployments share, if they are missing there: the
/// directories of a package, a database that its script made, the links to the package state.
///
///     let seeded = try SeedVar(from: generation, into: shared).run()
///
/// Existing files do not change: they are the machine's data. New files appear whole and durable: they are made in a
/// directory that only root can enter, synced, and then moved to their place unless that exists by then. So it can be
/// killed at any moment, and repeated. Both trees are read without following links; if there is nothing to add, nothing
/// is written.
///
/// What may be added stands in ``SeedRule``. Device nodes and sockets never are, and no file gets rights by itself:
/// set-user-ID, set-group-ID and capabilities are not copied, except set-group-ID of directories.
package struct SeedVar {
  private let root: OpenDirectory
  private let shared: OpenDirectory
  private let packages: PackageFiles

  /// Prepares for the generation whose root is at `generation`, and the shared /var at `shared`.
  package init(from generation: FilePath, into shared: FilePath) throws {
    self.init(
      from: try OpenDirectory(generation), into: try OpenDirectory(shared),
      packages: try PackageFiles(ofVarIn: generation))
  }

  /// - Parameters:
  ///   - root: the root of the generation, or a copy of it.
  ///   - packages: its packages' files in /var.
  package init(from root: OpenDirectory, into shared: OpenDirectory, packages: PackageFiles) {
    (self.root, self.shared, self.packages) = (root, shared, packages)
  }

  /// Adds what is missing. A file that cannot be added is an obstacle in the result.
  ///
  /// - Parameter willAdd: called before something is added.
  /// - Throws: `AstError`; the next run adds the rest.
  package func run(willAdd: () -> Void = {}) throws -> SeededVar {
    guard let own = try root.directory("var") else { return SeededVar() }
    guard try own.identity != shared.identity else {
      throw AstError(.refused, "\(shared.path) is the root's own directory, not the /var of the machine")
    }
    var walk = try SeedWalk(from: own, into: shared, packages)
    walk.find(own, shared, at: "")
    if !walk.isFinished {
      willAdd()
      try walk.add()
    }
    return try walk.end()
  }
}

/// The walk through a generation's /var and the shared one.
struct SeedWalk {
  private typealias Name = OpenDirectory.Name

  /// The directory in which files are made, below /var.
  static let workshop: FilePath = ".ast-new"
  private static let workshopName: Name = ".ast-new"

  private var result = SeededVar()
  private let own: OpenDirectory
  private let shared: OpenDirectory
  private let packages: PackageFiles
  private let lock: Lock
  /// The paths that the shared /var lacks; the contents of a directory are not listed.
  private var lacking: [FilePath] = []
  /// Whether a file did not fit on the disk: the reason is noted once, not for each of the files.
  private var isFull = false
  /// The files that chattr(1) protects, for the time when they are in their places.
  private var protected: [(path: FilePath, protection: UInt32)] = []

  /// Waits for another walk, and removes the remains of a killed one.
  init(from own: OpenDirectory, into shared: OpenDirectory, _ packages: PackageFiles) throws {
    (self.own, self.shared, self.packages) = (own, shared, packages)
    // Not on /var itself, where every user can hold a lock.
    guard let lock = try Lock.take("ast-var.lock", in: "/run", wait: .seconds(300)) else {
      throw AstError(.busy, "another ast command adds to \(shared.path)", state: .unchanged)
    }
    self.lock = lock
    try shared.removeWhole(Self.workshopName)
  }

  /// Whether there is nothing to add.
  var isFinished: Bool { lacking.isEmpty }

  // MARK: Finding

  /// Finds the entries of a directory that are missing in the shared one.
  mutating func find(_ generation: OpenDirectory, _ live: OpenDirectory, at path: FilePath) {
    explaining(path) { walk in
      for name in try generation.names() {
        let path = path.appending(name)
        walk.explaining(path) { try $0.find(name, generation, live, at: path) }
      }
    }
  }

  private mutating func find(
    _ name: Name, _ generation: OpenDirectory, _ live: OpenDirectory, at path: FilePath
  ) throws {
    let rule = SeedRule.of(path)
    guard rule != .none, let status = try generation.status(of: name) else { return }
    if let present = try live.status(of: name) {
      try compare(name, status, present, generation, live, at: path)
    } else if rule.admits(status.st_mode & S_IFMT, isPackaged: packages.contains(absolute(path))),
      !isOldLog(name, status, rule)
    {
      lacking.append(path)
    }
  }

  private mutating func compare(
    _ name: Name, _ status: stat, _ present: stat, _ generation: OpenDirectory, _ live: OpenDirectory, at path: FilePath
  ) throws {
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if let home = SeedRule.packageState[path] {
      let target = present.st_mode & S_IFMT == S_IFLNK ? try live.target(of: name) : []
      if status.st_mode & S_IFMT == S_IFLNK, try target != generation.target(of: name) {
        note(
          path,
          "stays, but it is not a link to /\(home): programs find a package state there that is not the deployment's own"
        )
      }
    } else if isDirectory, SeedRule.of(path).goesDeeper, let inner = try generation.directory(name) {
      let isSameSubvolume = try present.st_dev == live.status(of: OpenDirectory.itself)?.st_dev
      if present.st_mode & S_IFMT == S_IFDIR, isSameSubvolume, let liveInner = try live.directory(name) {
        find(inner, liveInner, at: path)
      } else if try !inner.names().isEmpty {
        note(
          path,
          "stays, but it is \(Self.words(for: present)) here: the contents of the new generation's directory are not added"
        )
      }
    }
  }

  private static func words(for status: stat) -> String {
    switch status.st_mode & S_IFMT {
    case S_IFDIR: "a subvolume or another file system"
    case S_IFLNK: "a link"
    default: "not a directory"
    }
  }

  /// Whether a file is an old log of logrotate(8), which would make no sense as an empty file.
  private func isOldLog(_ name: Name, _ status: stat, _ rule: SeedRule) -> Bool {
    guard rule == .emptyFiles, status.st_mode & S_IFMT == S_IFREG, let end = name.extension else { return false }
    return ["gz", "xz", "bz2", "zst", "old"].contains(end) || end.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  // MARK: Notes

  private mutating func note(_ path: FilePath, _ words: String) {
    let path = absolute(path)
    result.obstacles.append(SeededVar.Obstacle(path: path, sentence: "\(path) \(words)"))
  }

  private func absolute(_ path: FilePath) -> FilePath { FilePath("/var").pushing(path) }

  /// Does something for a path, and notes an error: the machine starts without the file.
  ///
  /// - Returns: whether it succeeded.
  @discardableResult
  private mutating func explaining(_ path: FilePath, _ body: (inout SeedWalk) throws -> Void) -> Bool {
    do {
      try body(&self)
      return true
    } catch {
      let error = AstError(error)
      if error.code != .noSpace || !isFull { note(path, "is not complete: \(error.message)") }
      isFull = isFull || error.code == .noSpace
      return false
    }
  }

  // MARK: Adding

  /// Adds what was found missing: makes everything, has it durable, and only then moves it to its place.
  mutating func add() throws {
    guard let workshop = openWorkshop() else { return }
    var made: [(product: Name, path: FilePath)] = []
    for (number, path) in lacking.enumerated() {
      guard let product = Name("\(number)"), let name = path.lastComponent else { continue }
      let isMade = explaining(path) { walk in
        guard let above = try walk.own.directory(at: path.removingLastComponent()),
          let status = try above.status(of: name)
        else { return }
        try walk.make(product, of: name, status, from: above, in: workshop, at: path)
        if try workshop.status(of: product) != nil { made.append((product, path)) }
      }
      if !isMade { explaining(path) { _ in try workshop.remove(product) } }
      failPoint("file for /var made")
    }
    try FileSystem.sync(workshop.reference)
    failPoint("files for /var synced")
    for (product, path) in made {
      explaining(path) { try $0.move(product, from: workshop, to: path) }
      failPoint("added to /var")
    }
    // The contents of a directory before the directory.
    for (path, protection) in protected.reversed() where result.added.contains(where: absolute(path).starts) {
      explaining(path) { walk in
        let (directory, name) = try walk.shared.parent(of: path)
        try directory.protect(name, protection)
      }
    }
  }

  private mutating func openWorkshop() -> OpenDirectory? {
    var workshop: OpenDirectory?
    explaining("") { walk in
      try walk.shared.makeDirectory(Self.workshopName)
      workshop = try walk.shared.directory(Self.workshopName)
    }
    return workshop
  }

  /// Moves a file to its place, unless another process has made one there meanwhile.
  private mutating func move(_ product: Name, from workshop: OpenDirectory, to path: FilePath) throws {
    let (live, name) = try shared.parent(of: path)
    let moved = product.withPlatformString { product in
      name.withPlatformString { cfiles_rename_new(workshop.descriptor, product, live.descriptor, $0) }
    }
    if moved == -EEXIST { return }
    guard moved == 0 else { throw OpenDirectory.failure("add", absolute(path), -moved) }
    result.added.append(absolute(path))
  }

  /// Makes a copy of the file that a generation has at a path, with the contents that the rules permit.
  private mutating func make(
    _ product: Name, of name: Name, _ status: stat, from generation: OpenDirectory, in directory: OpenDirectory,
    at path: FilePath
  ) throws {
    let (rule, type) = (SeedRule.of(path), status.st_mode & S_IFMT)
    guard rule.admits(type, isPackaged: packages.contains(absolute(path))), !isOldLog(name, status, rule),
      let attributes = try generation.attributes(of: name, status)
    else { return }
    switch type {
    case S_IFDIR:
      try directory.makeDirectory(product)
      // The files in it inherit "no copy on write".
      let flags = try generation.flags(of: name) & ~CFILES_PROTECTED
      if flags != 0 { try directory.setFlags(flags, of: product) }
      try fill(product, of: name, from: generation, in: directory, at: path)
    case S_IFLNK: try directory.makeLink(product, to: try generation.target(of: name) ?? [])
    case S_IFREG where rule == .emptyFiles: try directory.makeFile(product, with: [])
    case S_IFREG: try directory.copy(name, from: generation, to: product)
    default: try directory.makeSpecial(product, type: type, device: 0)
    }
    try directory.setAttributes(attributes.withoutRights(isDirectory: type == S_IFDIR), of: product)
    try directory.setTimes(of: product, from: status)
    if attributes.protection != 0 { protected.append((path, attributes.protection)) }
  }

  private mutating func fill(
    _ product: Name, of name: Name, from generation: OpenDirectory, in directory: OpenDirectory, at path: FilePath
  ) throws {
    guard let inner = try generation.directory(name), let copy = try directory.directory(product) else { return }
    for name in try inner.names() {
      let path = path.appending(name)
      let isMade = explaining(path) { walk in
        guard let status = try inner.status(of: name) else { return }
        try walk.make(name, of: name, status, from: inner, in: copy, at: path)
      }
      if !isMade { explaining(path) { _ in try copy.remove(name) } }
    }
  }

  // MARK: The end

  /// Removes the workshop, has everything durable, and looks for the directories of packages.
  mutating func end() throws -> SeededVar {
    if !lacking.isEmpty {
      try shared.remove(Self.workshopName)
      try FileSystem.sync(shared.reference)
      failPoint("/var synced")
    }
    result.missing = try packages.paths.filter { try isMissing($0) }
    return result
  }

  /// Whether the path is a directory of the generation that should be in the shared /var, and is not. A link there, or a
  /// subvolume, is the administrator's.
  private func isMissing(_ file: FilePath) throws -> Bool {
    let path = FilePath(root: nil, file.components.dropFirst())
    let isPlain = path.components.allSatisfy { $0.kind == .regular }
    guard isPlain, SeedRule.of(path).admits(S_IFDIR, isPackaged: true), try own.directory(at: path) != nil else {
      return false
    }
    var live = shared
    for name in path.components {
      guard let status = try live.status(of: name) else { return true }
      if status.st_mode & S_IFMT == S_IFLNK { return false }
      guard status.st_mode & S_IFMT == S_IFDIR, let inner = try live.directory(name) else { return true }
      guard try status.st_dev == live.status(of: OpenDirectory.itself)?.st_dev else { return false }
      live = inner
    }
    return false
  }
}

extension FileAttributes {
  /// The attributes without the rights that a program would get from its file. Set-group-ID of a directory only says
  /// whose group the files in it get (inode(7)).
  fileprivate func withoutRights(isDirectory: Bool) -> FileAttributes {
    var attributes = self
    attributes.mode &= isDirectory ? 0o3777 : 0o1777
    attributes.xattrs = xattrs.filter { $0.key != "security.capability" && !$0.key.hasPrefix("trusted.") }
    return attributes
  }
}
