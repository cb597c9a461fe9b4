import CFiles
import DebianFormats
import Glibc
import Host
import SystemPackage

/// Adds files that a generation has in /var to the /var that all deployments share, if they are missing there: the
/// directories of a package, a database that its script made, the links to the package state.
///
///     let seeded = try SeedVar(from: generation, into: shared).run()
///
/// Existing files do not change: they are the machine's data. New files appear whole: they are made in a directory that
/// only root can enter, and then moved to their place unless that exists by then. Both trees are read without following
/// links; if there is nothing to add, nothing is written.
///
/// Not added are sockets, files that apt has fetched, volatile files, contents of logs, and files that distinguish this
/// machine from others: see ``SeedRule``.
package struct SeedVar {
  private let generation: FilePath
  private let shared: FilePath

  /// Prepares for the generation whose root is at `generation`, and the shared /var at `shared`.
  package init(from generation: FilePath, into shared: FilePath) {
    self.generation = generation
    self.shared = shared
  }

  /// - Throws: `AstError`; files added by then stay, and the next run adds the rest.
  package func run() throws -> SeededVar {
    guard let own = try OpenDirectory(generation).directory("var") else { return SeededVar() }
    let live = try OpenDirectory(shared)
    var walk = try SeedWalk(in: live)
    try walk.visit(own, live, at: "")
    try walk.end()
    return walk.result
  }
}

/// The walk through a generation's /var and the shared one.
struct SeedWalk {
  private typealias Name = OpenDirectory.Name

  /// The directory in which files are made, below /var.
  static let workshop: FilePath = ".ast-new"
  private static let workshopName: Name = ".ast-new"
  /// The name of the file that is made in it.
  private static let product: Name = "new"

  private(set) var result = SeededVar()
  private let shared: OpenDirectory
  /// The open directory in which files are made; nil until it is needed.
  private var workshop: OpenDirectory?

  /// Removes the remains of a killed walk.
  init(in shared: OpenDirectory) throws {
    self.shared = shared
    try shared.remove(Self.workshopName)
  }

  func end() throws {
    if workshop != nil { try shared.remove(Self.workshopName) }
  }

  /// Adds the missing entries of a directory.
  mutating func visit(_ generation: OpenDirectory, _ live: OpenDirectory, at path: FilePath) throws {
    for name in try generation.names() {
      let path = path.appending(name)
      let rule = SeedRule.of(path)
      guard rule != .none, let status = try generation.status(of: name) else { continue }
      guard let present = try live.status(of: name) else {
        if try add(name, status, from: generation, to: live, at: path) { result.added.append(absolute(path)) }
        continue
      }
      try compare(name, status, present, generation, live, at: path)
    }
  }

  private mutating func compare(
    _ name: Name, _ status: stat, _ present: stat, _ generation: OpenDirectory, _ live: OpenDirectory, at path: FilePath
  ) throws {
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if let home = Self.packageState[path] {
      let target = present.st_mode & S_IFMT == S_IFLNK ? try live.target(of: name) : []
      if status.st_mode & S_IFMT == S_IFLNK, try target != generation.target(of: name) {
        note(
          path, "it is not a link to /\(home): programs find a package state there that is not the deployment's own")
      }
    } else if isDirectory, SeedRule.of(path) != .itself, let inner = try generation.directory(name) {
      let isSameSubvolume = try present.st_dev == live.status(of: OpenDirectory.itself)?.st_dev
      if present.st_mode & S_IFMT == S_IFDIR, isSameSubvolume, let liveInner = try live.directory(name) {
        try visit(inner, liveInner, at: path)
      } else if try !inner.names().isEmpty {
        note(
          path, "it is \(Self.words(for: present)) here: the contents of the new generation's directory are not added")
      }
    }
  }

  private mutating func note(_ path: FilePath, _ sentence: String) {
    let path = absolute(path)
    result.obstacles.append(SeededVar.Obstacle(path: path, sentence: "\(path) stays, but \(sentence)"))
  }

  private func absolute(_ path: FilePath) -> FilePath { FilePath("/var").pushing(path) }

  private static func words(for status: stat) -> String {
    switch status.st_mode & S_IFMT {
    case S_IFDIR: "a subvolume or another file system"
    case S_IFLNK: "a link"
    default: "not a directory"
    }
  }

  /// The directories of the package state, relative to the root, by the places in /var that lead to them.
  private static let packageState = Dictionary(
    uniqueKeysWithValues: PackageState.directories.map { directory in
      (
        FilePath(root: nil, directory.place.components.dropFirst()), PackageState.sysimage.pushing(directory.home)
      )
    })

  // MARK: Adding

  /// Adds a file that the shared /var does not have.
  ///
  /// - Returns: whether it was added; false if the rules exclude it, or another process has made it meanwhile.
  private mutating func add(
    _ name: Name, _ status: stat, from generation: OpenDirectory, to live: OpenDirectory, at path: FilePath
  ) throws -> Bool {
    let workshop = try openWorkshop()
    try workshop.remove(Self.product)
    guard try make(Self.product, of: name, status, from: generation, in: workshop, at: path) else { return false }
    let moved = Self.product.withPlatformString { product in
      name.withPlatformString { cfiles_rename_new(workshop.descriptor, product, live.descriptor, $0) }
    }
    if moved == -EEXIST { return false }
    guard moved == 0 else { throw OpenDirectory.failure("add", absolute(path), -moved) }
    failPoint("added to /var")
    return true
  }

  private mutating func openWorkshop() throws -> OpenDirectory {
    if let workshop { return workshop }
    try shared.makeDirectory(Self.workshopName)
    guard let made = try shared.directory(Self.workshopName) else {
      throw OpenDirectory.failure("open", shared.path.appending(Self.workshopName), ENOENT)
    }
    workshop = made
    return made
  }

  /// Makes a copy of the file that a generation has at a path, with the contents that the rules permit.
  private func make(
    _ product: Name, of name: Name, _ status: stat, from generation: OpenDirectory, in directory: OpenDirectory,
    at path: FilePath
  ) throws -> Bool {
    let rule = SeedRule.of(path)
    let kind = status.st_mode & S_IFMT
    guard rule != .none, kind != S_IFSOCK, kind != S_IFREG || rule != .noFiles,
      let attributes = try generation.attributes(of: name, status)
    else { return false }
    switch kind {
    case S_IFDIR:
      try directory.makeDirectory(product)
      try fill(product, of: name, from: generation, in: directory, at: path)
    case S_IFLNK: try directory.makeLink(product, to: try generation.target(of: name) ?? [])
    case S_IFREG where rule == .emptyFiles:
      guard !Self.isArchive(name) else { return false }
      try directory.makeFile(product, with: [])
    case S_IFREG: try directory.copy(name, from: generation, to: product)
    default: try directory.makeSpecial(product, type: kind, device: UInt64(status.st_rdev))
    }
    try directory.setAttributes(attributes, of: product)
    try directory.setTimes(of: product, from: status)
    return true
  }

  private func fill(
    _ product: Name, of name: Name, from generation: OpenDirectory, in directory: OpenDirectory, at path: FilePath
  ) throws {
    guard let inner = try generation.directory(name), let copy = try directory.directory(product) else { return }
    for name in try inner.names() {
      guard let status = try inner.status(of: name) else { continue }
      _ = try make(name, of: name, status, from: inner, in: copy, at: path.appending(name))
    }
  }

  /// Whether a file is an old log of logrotate(8), which would make no sense as an empty file.
  private static func isArchive(_ name: Name) -> Bool {
    guard let end = name.extension else { return false }
    return ["gz", "xz", "bz2", "zst", "old"].contains(end) || end.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }
}
