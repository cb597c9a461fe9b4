import FoundationEssentials
import Grub
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// The copies on a boot volume while they are made to fit a menu. All is counted before anything is written.
struct BootStock {
  /// The kernel and the initrd of a system, with the root that they are in.
  private struct Pair {
    let kernel: BootFile
    let initrd: BootFile
    let root: FilePath
    let system: BootMenu.System
    var files: Set<BootFile> { [kernel, initrd] }
  }

  private let store: Store
  private let volume: BootVolume
  /// The copies that the menu on the disk names.
  private let named: Set<String>
  private(set) var copies: BootCopies
  var digests: BootFileDigests
  /// The names of the copies that the new menu needs.
  private(set) var needed: Set<String> = []

  init(of store: Store, on volume: BootVolume, in slots: MenuSlots) throws {
    self.store = store
    self.volume = volume
    named = try slots.namedCopies()
    copies = try BootCopies(on: volume, warning: store.warn)
    digests = BootFileDigests(in: store.root)
  }

  /// Makes the copies for a menu, and has the menu name them.
  ///
  /// Each deployment has to have its copies. Nodes that can be booted on trial get theirs as long as the next deployment
  /// has room.
  ///
  /// - Returns: the menu, and the nodes that are not in it, for want of room or because of their initrds.
  mutating func supply(_ menu: BootMenu) throws -> (BootMenu, leftOut: [LeftOutNode]) {
    var menu = menu
    menu.volume = BootMenu.Volume(fileSystem: volume.record.fileSystem)
    let deployments = try menu.deployments.map { ($0, try pair($0.system)) }
    for (deployment, pair) in deployments where pair == nil {
      store.warn("deployment \(deployment.id) has no kernel with an initrd any more; it is not in the boot menu")
    }
    let present = deployments.compactMap { deployment, pair in pair.map { (deployment, $0) } }
    let required = present.reduce(into: Set<BootFile>()) { $0.formUnion($1.1.files) }
    let (trials, unable) = try examine(menu.nodes.compactMap { try pair($0) }, besides: required)
    let chosen = try choose(trials, besides: required)
    try fit(required, present.map { ($0.0.id, $0.1) })
    for (_, pair) in present { try copy(pair) }
    var fitting: [Pair] = []
    for trial in chosen where try hasRoom(for: trial.files) {
      try copy(trial)
      fitting.append(trial)
    }
    menu.deployments = try present.map { deployment, pair in
      var deployment = deployment
      deployment.system = try Self.system(pair)
      return deployment
    }
    menu.nodes = try fitting.map(Self.system)
    let shown = Set(fitting.map(\.system.title.node))
    let rest = trials.map(\.system.title.node).filter { !shown.contains($0) }
    return (menu, unable + rest.map { LeftOutNode(node: $0, reason: .room) })
  }

  /// Makes the copies of a root that is to become a deployment, if they fit.
  ///
  /// - Returns: the files that were copied and their copies, from the top of the volume; nil if they do not fit.
  mutating func add(_ boot: BootFiles, of root: FilePath) throws -> BootFileCopies? {
    guard let kernel = try digests.file(FilePath("/\(boot.kernel)"), in: root),
      let initrd = try digests.file(FilePath("/\(boot.initrd)"), in: root)
    else { throw AstError(.failed, "\(root) has no kernel with an initrd", state: .unchanged) }
    needed = [kernel.digest, initrd.digest]
    guard try makeRoom(for: [kernel, initrd]) else { return nil }
    let pairs = [(FilePath("/\(boot.kernel)"), kernel), (FilePath("/\(boot.initrd)"), initrd)]
    for (path, file) in pairs { try add(file, from: path, in: root) }
    return BootFileCopies(device: volume.device, copies: pairs.map { ($0.0, BootCopies.path(of: $0.1)) })
  }

  /// The space that copies of a root's boot files need in addition to those that are there.
  mutating func spaceNeeded(for boot: BootFiles, of root: FilePath) throws -> Int64 {
    let files = try [boot.kernel, boot.initrd].compactMap { try digests.file(FilePath("/\($0)"), in: root) }
    return try copies.space(for: Set(files).filter { !copies.has($0) })
  }

  private mutating func pair(_ system: BootMenu.System) throws -> Pair? {
    let root = store.root.pushing(system.subvolume)
    guard let kernel = try digests.file(FilePath(root: "/").pushing(system.kernel), in: root),
      let initrd = try digests.file(FilePath(root: "/").pushing(system.initrd), in: root)
    else { return nil }
    return Pair(kernel: kernel, initrd: initrd, root: root, system: system)
  }

  private static func system(_ pair: Pair) throws -> BootMenu.System {
    var system = pair.system
    system.copies = BootMenu.Copies(
      kernel: BootCopies.path(of: pair.kernel), initrd: BootCopies.path(of: pair.initrd),
      hasStartProgram: try RootDirectory(pair.root).size(of: OwnPrograms.startPlace) != nil)
    return system
  }

  /// The trials whose initrds may be copied, as far as it is known, and why the others may not.
  ///
  /// - Parameter required: the files of deployments, which are copied in any case.
  private func examine(
    _ trials: [Pair], besides required: Set<BootFile>
  ) throws -> (able: [Pair], unable: [LeftOutNode]) {
    let findings = InitrdFindings(in: store.root)
    var (able, unable): ([Pair], [LeftOutNode]) = ([], [])
    for trial in trials {
      let finding = findings[trial.initrd.digest]
      let node = trial.system.title.node
      if let finding, !finding.lacks.isEmpty {
        unable.append(LeftOutNode(node: node, reason: .lacks(finding.lacks)))
      } else if let key = finding?.keys.first, !required.contains(trial.initrd) {
        unable.append(LeftOutNode(node: node, reason: .key(key)))
      } else {
        able.append(trial)
      }
    }
    findings.forget(except: Set(trials.map(\.initrd.digest)))
    return (able, unable)
  }

  /// The trials that leave room for one more deployment with the largest boot files.
  private func choose(_ trials: [Pair], besides required: Set<BootFile>) throws -> [Pair] {
    let pool = try volume.space().free + copies.space() - Self.menuSpace
    let largest = try (trials.map(\.files) + [required]).map { try copies.space(for: $0) }.max() ?? 0
    let reserve = max(store.wantedBootSpace, min(largest, pool / 2))
    var all = required
    return try trials.filter { trial in
      let more = all.union(trial.files)
      guard try more.count == all.count || copies.space(for: more) <= pool - reserve else { return false }
      all = more
      return true
    }
  }

  /// Ensures that there is room for all these files; removes copies that nothing names if that is needed.
  private mutating func fit(_ required: Set<BootFile>, _ deployments: [(id: Int, pair: Pair)]) throws {
    needed.formUnion(required.map(\.digest))
    guard try !makeRoom(for: required) else { return }
    let space = try copies.space(for: required.filter { !copies.has($0) })
    throw try full(space, deployments.map { ($0.id, $0.pair.files) })
  }

  /// Whether there is room for the files that have no copy yet, after the copies are gone that nothing names.
  private mutating func makeRoom(for files: Set<BootFile>) throws -> Bool {
    if try hasRoom(for: files) { return true }
    try copies.remove(except: named.union(needed))
    return try hasRoom(for: files)
  }

  private func hasRoom(for files: Set<BootFile>) throws -> Bool {
    let missing = files.filter { !copies.has($0) }
    return try missing.isEmpty || copies.space(for: missing) <= volume.space().free - Self.menuSpace
  }

  private mutating func copy(_ pair: Pair) throws {
    try add(pair.kernel, from: FilePath(root: "/").pushing(pair.system.kernel), in: pair.root)
    try add(pair.initrd, from: FilePath(root: "/").pushing(pair.system.initrd), in: pair.root)
    needed.formUnion(pair.files.map(\.digest))
  }

  /// A copy that the menu on the disk does not name can be what a power cut has left.
  private mutating func add(_ file: BootFile, from path: FilePath, in root: FilePath) throws {
    try volume.naming {
      if copies.has(file), try !named.contains(file.digest) && !copies.isRight(file) { copies.forget(file) }
      try copies.add(file, from: path, in: root)
    }
  }

  /// The error for files that do not fit, with the deployments whose own files would make room.
  private func full(_ space: Int64, _ deployments: [(id: Int, files: Set<BootFile>)]) throws -> AstError {
    let gains = try deployments.map { deployment in
      let others = deployments.filter { $0.id != deployment.id }.reduce(into: Set<BootFile>()) {
        $0.formUnion($1.files)
      }
      return (deployment.id, try copies.space(for: deployment.files.subtracting(others).filter(copies.has)))
    }.filter { $0.1 > 0 }.map { "deployment \($0.0) (\(Self.megabytes($0.1)) MB)" }
    let free = max(try volume.space().free - Self.menuSpace, 0)
    return AstError(
      .noSpace,
      "the boot files need \(Self.megabytes(space)) MB, and \(volume.record.mountPoint) has room for"
        + " \(free / 1_000_000) MB", state: .unchanged,
      hint: gains.isEmpty
        ? "the file system at \(volume.record.mountPoint) is too small, or has other files"
        : "these have files of their own there: \(gains.joined(separator: ", ")); `ast unpin` those that may go, and"
          + " `ast gc` deletes what is not kept")
  }

  private static func megabytes(_ bytes: Int64) -> Int64 { (bytes + 999_999) / 1_000_000 }

  /// Room for both slots of the menu and for directories: many times what they need.
  private static let menuSpace: Int64 = 1 << 20
}

/// A kernel and an initrd, and their copies on the boot volume.
package struct BootFileCopies {
  /// The device of the boot volume.
  package let device: FilePath
  /// Each file, a path in its root, and its copy, a path from the top of the volume.
  package let copies: [(file: FilePath, copy: FilePath)]
}

extension Store {
  /// Copies the boot files of a root to the boot volume before it becomes a deployment.
  ///
  /// If there is no room, nodes that can be booted on trial lose theirs first: the menu without them is published, and
  /// then their copies go.
  ///
  /// - Returns: the copies; nil if GRUB reads the store itself.
  /// - Throws: `AstError` (no space) with the deployments that take it; then no deployment's copies have changed.
  package func copyBootFiles(
    _ boot: BootFiles, of root: FilePath, holding held: [NodeID], own: OperationID
  ) throws -> BootFileCopies? {
    guard try BootVolumeRecord(in: self.root) != nil else { return nil }
    if let copies = try tryToCopy(boot, of: root) { return copies }
    wantedBootSpace = try withStock { try $0.spaceNeeded(for: boot, of: root) }
    publishedMenu = nil
    try change(holding: held, own: own) {}
    if let copies = try tryToCopy(boot, of: root) { return copies }
    throw try withStock { try $0.full(wantedBootSpace, for: tree.deployments()) }
  }

  private func tryToCopy(_ boot: BootFiles, of root: FilePath) throws -> BootFileCopies? {
    try withStock { try $0.add(boot, of: root) }
  }

  /// Removes the copies that the menu names and that are damaged. The change in which this is called makes them again,
  /// as every change does with those that are missing.
  ///
  /// - Returns: their paths on this machine.
  package func removeDamagedCopies() throws -> [String] {
    guard let volume = try BootVolume(of: root) else { return [] }
    return try volume.naming {
      var copies = try BootCopies(on: volume, warning: warn)
      let named = try MenuSlots(on: volume, warning: warn).namedCopies()
      let damaged = try copies.removeDamaged(among: named)
      if !damaged.isEmpty { publishedMenu = nil }
      return damaged.map(volume.name)
    }
  }

  /// Other commands wait meanwhile: they could remove the copies, which no menu names yet. If one does so before the
  /// commit, the commit makes them again.
  private func withStock<Result>(_ body: (inout BootStock) throws -> Result) throws -> Result {
    let lock = try lockTree(isFinishing: true)
    defer { withExtendedLifetime(lock) {} }
    guard let volume = try BootVolume(of: self.root) else {
      throw AstError(.failed, "the record of the boot volume is gone", state: .unchanged)
    }
    return try volume.naming {
      var stock = try BootStock(of: self, on: volume, in: MenuSlots(on: volume, warning: warn))
      return try body(&stock)
    }
  }
}

extension BootStock {
  /// The error for a deployment that does not fit.
  fileprivate mutating func full(_ space: Int64, for deployments: [Deployment]) throws -> AstError {
    let all = try deployments.compactMap { deployment -> (id: Int, files: Set<BootFile>)? in
      guard let boot = deployment.boot else { return nil }
      let root = store.root.pushing(deployment.path)
      let files = try [boot.kernel, boot.initrd].compactMap { try digests.file(FilePath("/\($0)"), in: root) }
      return (deployment.id.rawValue, Set(files))
    }
    return try full(space, all)
  }
}
