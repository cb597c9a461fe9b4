import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Store
import SystemPackage

/// The packages' state in a /var, or a part of one, that is a file system of its own. The old system and the deployments
/// both use that file system, and each of them has other packages. So the state of the old system moves to its root, to
/// the place where deployments have theirs, and a link leads each of them to its own.
extension Adoption {
  /// Moves the state, at the first start of a deployment, when /var is mounted. Each directory is copied to the old root
  /// and durable there before the link takes its place in one step, so the old system has it at any moment; a command
  /// that was killed is repeated.
  ///
  /// - Throws: `AstError`; the old system can be started then, and it can be done again.
  public func shareState(progress: (String) -> Void) throws {
    guard try FileSystem.isBtrfs(root) else { return }
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    let disk = try TemporaryMount(of: try device())
    defer { disk.end() }
    let store = disk.path.appending(Machine.store)
    guard try Subvolume.isSubvolume(at: store), var record = try AdoptionRecord(in: store), record.state == .finished,
      let old = try record.oldRoot(at: disk.path)
    else { return }
    let isSeparate = !record.data.contains("var")
    let state = try SharedState(in: root, old: old.path, isSeparate: isSeparate)
    try state.removeLeftovers()
    guard !state.moving.isEmpty else { return }
    progress("moving the package state of the system from before ast from /var to its root")
    try state.move()
    record.leftBehind = leftBehind(record, at: disk.path, progress)
    try record.write(in: store)
  }
}

/// The directories of package state in a running system that are on other file systems than the store's /var.
private struct SharedState {
  /// The directories that are to be moved.
  let moving: [PackageState.Directory]
  private let running: OpenDirectory
  private let old: OpenDirectory
  private let isSeparate: Bool

  /// The beginning of the names of directories that are copied, and of links and directories that are exchanged.
  private static let prefix = ".ast-adopt-"

  /// - Parameter isSeparate: whether all of /var is on another file system.
  init(in root: FilePath, old: FilePath, isSeparate: Bool) throws {
    let running = try OpenDirectory(root)
    self.running = running
    self.old = try OpenDirectory(old)
    self.isSeparate = isSeparate
    let device = try running.directory("var")?.status(of: OpenDirectory.itself)?.st_dev
    moving = try PackageState.directories.filter { state in
      guard let name = state.place.lastComponent,
        let above = try running.directory(at: state.place.removingLastComponent()),
        let status = try above.status(of: name), status.st_mode & S_IFMT == S_IFDIR
      else { return false }
      return isSeparate || status.st_dev != device
    }
  }

  func move() throws {
    // The state that /var lacks will be a link there, too.
    if isSeparate {
      for state in PackageState.directories { _ = try home(of: state, makingIt: true) }
    }
    for state in moving { try copy(state) }
    try FileSystem.sync(old.reference)
    failPoint("state copied")
    let places = try moving.map { state in
      let (directory, name) = try running.parent(of: state.place)
      return (state: state, directory: directory, name: name, new: try Self.temporaryName(for: name))
    }
    for place in places { try place.directory.makeLink(place.new, to: Array(place.state.target.utf8)) }
    for place in places { try FileSystem.sync(place.directory.reference) }
    for place in places {
      try place.directory.exchange(place.new, with: place.name)
      failPoint("state is a link")
    }
    for place in places { try FileSystem.sync(place.directory.reference) }
    try removeLeftovers()
  }

  /// Removes what a killed command has left in /var, and the directories in whose places are links.
  func removeLeftovers() throws {
    for above in Set(PackageState.directories.map { $0.place.removingLastComponent() }) {
      guard let directory = try running.directory(at: above) else { continue }
      for name in try directory.names() where name.string.hasPrefix(Self.prefix) {
        try directory.removeWhole(name)
        failPoint("old state removed")
      }
    }
  }

  private static func temporaryName(for name: OpenDirectory.Name) throws -> OpenDirectory.Name {
    guard let name = OpenDirectory.Name("\(prefix)\(name)") else {
      throw AstError(.failed, "\(name) is not the name of a directory")
    }
    return name
  }

  /// Copies a directory to its place in the old root.
  private func copy(_ state: PackageState.Directory) throws {
    let (from, name) = try running.parent(of: state.place)
    let (to, home) = try home(of: state, makingIt: false)
    let new = try Self.temporaryName(for: home)
    try to.removeWhole(new)
    _ = try CopyTree(of: name, from: from, to: new, in: to)
    try to.removeWhole(home)
    try Files.rename(to.reference.appending(new), to: to.reference.appending(home))
    if state.home == "dkms" { try configureDKMS() }
  }

  /// The directory of a state in the old root, and the state's name in it.
  private func home(
    of state: PackageState.Directory, makingIt: Bool
  ) throws -> (directory: OpenDirectory, name: OpenDirectory.Name) {
    let path = PackageState.sysimage.pushing(state.home)
    let made = makingIt ? path : path.removingLastComponent()
    try RootDirectory(old.path).makeDirectory(FilePath("/").pushing(made))
    return try old.parent(of: path)
  }

  private func configureDKMS() throws {
    guard try old.directory(at: "etc/dkms") != nil else { return }
    let (path, text) = PackageState.dkmsConfiguration
    try RootDirectory(old.path).makeDirectory(FilePath("/").pushing(path.removingLastComponent()))
    try RootDirectory(old.path).write(Data(text.utf8), to: FilePath("/").pushing(path))
  }
}
