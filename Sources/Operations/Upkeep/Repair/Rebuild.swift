import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Rootfs
import Settings
import SnapshotTree
import Store
import SystemPackage

/// `doctor --rebuild`: a new database from the record files and the subvolumes, when the old one is damaged.
extension Store {
  /// The result of a rebuild.
  public struct Rebuilt: Sendable {
    /// How many nodes the new database has.
    public let nodes: Int
    /// The losses: everything that could not be restored from the records as it was.
    public let notes: [String]
    /// The place of the damaged database; nil if there was none.
    public let damaged: FilePath?
  }

  /// Rebuilds the database of the store at `root`. The old one is kept under another name.
  ///
  /// - Throws: `AstError`: busy while a command works on a node, refused if the database is sound.
  public static func rebuild(at root: FilePath, reader: SettingsReader) throws -> Rebuilt {
    try require(.writing, at: root)
    let locks = root.appending("ast/lock")
    guard let lock = try Lock.take("tree", in: locks, wait: .never) else {
      throw AstError(.busy, "another ast command is changing the tree", state: .unchanged)
    }
    defer { withExtendedLifetime(lock) {} }
    let noted = CommitNote(in: root).next
    guard try !isSound(databasePath(in: root), noted) else {
      throw AstError(
        .refused, "the database of \(root) is sound", state: .unchanged, hint: "`ast doctor` checks the rest")
    }
    var survey = Survey(root)
    let records = try survey.records()
    guard records.contains(where: { $0.node.id == .base }) else {
      throw AstError(
        .failed, "no generation of node 0 is left in \(root), so there is no tree to restore", state: .unchanged,
        hint: "`ast init` makes one")
    }
    for record in records where try Lock.take("node-\(record.node.id)", in: locks, wait: .never) == nil {
      throw AstError(.busy, "another command is working on node \(record.node.id)", state: .unchanged)
    }
    let deployments = try survey.deployments(of: records)
    let names = survey.tags(of: records)
    let database = databasePath(in: root)
    let fresh = FilePath(database.string + ".new")
    try removeUnfinishedDatabases(in: root)
    try TreeDatabase.rebuild(at: fresh, from: records) { (tree) throws(TreeError) in
      for record in records {
        try enterPackages(of: record, root, tree)
        try enterAccounts(of: record.node, root, tree)
      }
      try enter(deployments.map(\.deployment), running: deployments.first(where: \.isRunning)?.deployment.id, tree)
      for tag in names.tags { try tree.insert(tag) }
      for generation in names.pinned { try tree.setPinned(true, generation) }
      try tree.reserve(nodesBelow: survey.firstFree)
      try tree.reserve(deploymentsBelow: survey.firstFreeDeployment)
      if let noted { try tree.reserve(operationsBelow: noted) }
    }
    failPoint("database rebuilt")
    let damaged = try setAside(database)
    try Files.rename(fresh, to: database)
    failPoint("new database in place")
    try FileSystem.sync(root)
    let store = try Store(opening: root, .writing, reader: reader)
    try store.discardStagings()
    return Rebuilt(nodes: try store.tree.nodeCount, notes: survey.notes, damaged: damaged)
  }

  /// Whether there is nothing to rebuild. A database that cannot be opened for a reason other than damage must not be
  /// replaced either.
  private static func isSound(_ database: FilePath, _ noted: OperationID?) throws -> Bool {
    do {
      let tree = try TreeDatabase(opening: database, .reading)
      return try tree.integrityProblems().isEmpty && !CommitNote.isAhead(noted, of: tree)
    } catch let error where AstError(error).code == .damaged {
      return false
    }
  }

  private static func enterPackages(of record: NodeRecord, _ root: FilePath, _ tree: TreeDatabase) throws(TreeError) {
    for generation in record.generations {
      guard let packages = (try? PackageDatabase.installed(in: root.pushing(generation.path))) ?? nil else { continue }
      let manifest = try tree.manifest(for: packages.map(Package.init))
      try tree.setManifest(manifest, of: generation.node, generation.number)
    }
  }

  /// Registers the accounts of a node's current content. Unreadable account files, or a name for which no number is
  /// free, must not stop the rebuild: the node's next transaction reports them.
  private static func enterAccounts(of node: Node, _ root: FilePath, _ tree: TreeDatabase) throws(TreeError) {
    let current = root.appending("nodes/\(node.id)/\(node.current)")
    guard let accounts = try? RootAccounts(in: current) else { return }
    do throws(TreeError) {
      try tree.claimAccounts(of: accounts)
    } catch .noFreeAccountID {
      return
    }
  }

  /// Enters the deployments that are left. The running one becomes the default, or else the newest.
  private static func enter(
    _ deployments: [Deployment], running: DeploymentID?, _ tree: TreeDatabase
  ) throws(TreeError) {
    for deployment in deployments { try tree.insert(deployment) }
    try tree.setDefaultDeployment(running ?? deployments.last?.id)
  }

  /// Deletes the clones of transactions: their rows are lost, and no command works on the nodes.
  private func discardStagings() throws {
    for node in try tree.nodes().map(\.id) {
      for name in try Files.names(in: directory(of: node)) { try discardStaging(named: name, of: node) }
    }
    for directory in ["deploy", "bases"].map(root.appending) where access(directory.string, F_OK) == 0 {
      for name in try Files.names(in: directory) { try discardStaging(named: name, of: .base) }
    }
  }

  /// Deletes what an operation staged under this name, `.T` or `.T.etc`. What it made of a deployment is in places that
  /// have no node.
  private func discardStaging(named name: String, of node: NodeID) throws {
    guard name.hasPrefix("."), let operation = OperationID(name.dropFirst().prefix { $0 != "." }) else { return }
    try discardStaging(of: node, operation, nil)
  }

  /// Moves the damaged database out of the way, with its write-ahead log, so that the log is never applied to the new
  /// one. The database goes first: without its log it could pass for a sound, older one.
  private static func setAside(_ database: FilePath) throws -> FilePath? {
    let suffix = ".damaged-\(Int(Date().timeIntervalSince1970))"
    var moved: FilePath?
    for part in ["", "-wal", "-shm"] {
      let old = database.string + part
      let new = database.string + suffix + part
      if rename(old, new) == 0 {
        if part.isEmpty { moved = FilePath(new) }
      } else if errno != ENOENT {
        throw FileError("rename \(old) to", FilePath(new), Errno(rawValue: errno))
      }
      failPoint("damaged database set aside")
    }
    return moved
  }
}

/// The tree that the records and the subvolumes of a store show together.
private struct Survey {
  private let root: FilePath
  private(set) var notes: [String] = []
  /// No directory has this number or a higher one, so an existing one is not mistaken for the leftovers of a new node.
  private(set) var firstFree = NodeID.base
  /// The same for deployments.
  private(set) var firstFreeDeployment = DeploymentID(1)

  init(_ root: FilePath) { self.root = root }

  /// A record for each node of which a generation is left. The record file is believed if the subvolumes confirm it.
  mutating func records() throws -> [NodeRecord] {
    let names = try Files.names(in: root.appending("nodes"))
    var records: [NodeRecord] = []
    for id in names.compactMap({ NodeID($0) }).sorted() {
      firstFree = NodeID(id.rawValue + 1)
      let found = try generations(of: id)
      guard !found.isEmpty else {
        notes.append("\(root.appending("nodes/\(id)")) has no generation in it; it was left alone")
        continue
      }
      records.append(try record(of: id, found))
    }
    let highest = firstFree
    for index in records.indices { disbelieveNumbers(of: &records[index], highest) }
    let known = Set(records.map(\.node.id))
    for index in records.indices {
      guard let parent = records[index].node.parent, !known.contains(parent) else { continue }
      notes.append(
        "the parent of node \(records[index].node.id), \(parent), is lost: the node is the top of a tree now")
      records[index].node.parent = nil
    }
    breakRings(of: &records)
    return records
  }

  /// Makes a node the top of a tree if its parents lead back to it: ast never writes such records, but people can.
  private mutating func breakRings(of records: inout [NodeRecord]) {
    let places = Dictionary(uniqueKeysWithValues: zip(records.map(\.node.id), records.indices))
    var leadsToTop: Set<NodeID> = []
    for start in records.map(\.node.id) {
      var path: Set<NodeID> = []
      var next: NodeID? = start
      while let id = next, let place = places[id], !leadsToTop.contains(id) {
        path.insert(id)
        next = records[place].node.parent
        guard let parent = next, path.contains(parent) else { continue }
        notes.append("node \(id) is below itself in the records: it is the top of a tree now")
        records[place].node.parent = nil
        next = nil
      }
      leadsToTop.formUnion(path)
    }
  }

  /// Takes away the numbers in a record that are far from all that are there: after them, none would be left for new
  /// nodes and generations.
  private mutating func disbelieveNumbers(of record: inout NodeRecord, _ highest: NodeID) {
    let node = record.node.id
    let newest = record.generations.map(\.number).max() ?? record.node.current
    if record.nextNode.rawValue > highest.rawValue + Self.largestGap {
      notes.append("the record of node \(node) says that the next node is \(record.nextNode), which is not plausible")
      record.nextNode = highest
    }
    if record.node.nextGeneration.rawValue > newest.rawValue + Self.largestGap {
      notes.append(
        "the record of node \(node) says that its next generation is \(record.node.nextGeneration), "
          + "which is not plausible")
      record.node.nextGeneration = newest.next
    }
    for index in record.generations.indices {
      guard let operation = record.generations[index].operation, operation.rawValue > Self.largestOperation else {
        continue
      }
      notes.append("the record of node \(node) names operation t\(operation), which is not plausible")
      record.generations[index].operation = nil
    }
  }

  /// The largest number of nodes or generations that may have been deleted after the newest that is there.
  private static let largestGap = 1_000_000
  /// Far more operations than any store has had, and far fewer than there are numbers.
  private static let largestOperation = 1 << 30

  /// A deployment that was found, and whether it is the root of the system that runs.
  struct FoundDeployment {
    let deployment: Deployment
    let isRunning: Bool
  }

  /// The deployments of generations that are left, by number. Only the running one is known to boot. Whether the user
  /// wants the others kept is not known, so they are pinned.
  mutating func deployments(of records: [NodeRecord]) throws -> [FoundDeployment] {
    let generations = Dictionary(records.flatMap(\.generations).map { ($0.subvolume, $0) }) { first, _ in first }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending("deploy").string)) ?? []
    var found: [FoundDeployment] = []
    for id in names.compactMap({ DeploymentID($0) }).sorted() {
      firstFreeDeployment = DeploymentID(id.rawValue + 1)
      let subvolume = Subvolume(at: root.pushing(Deployment.path(of: id)))
      guard try Subvolume.isSubvolume(at: subvolume.path), case let info = try subvolume.info(),
        let generation = info.parentUUID.flatMap({ generations[SubvolumeUUID($0)] })
      else {
        notes.append("\(subvolume.path) is not a deployment of any generation that is left; it was left alone")
        continue
      }
      let isRunning = try subvolume.isRunningRoot()
      if !isRunning {
        notes.append("it is not known whether deployment \(id) of node \(generation.node) boots; it is pinned")
      }
      let deployment = Deployment(
        id: id, node: generation.node, generation: generation.number, created: info.created,
        state: isRunning ? .good : .trying, isPinned: !isRunning, subvolume: SubvolumeUUID(info.uuid),
        boot: try generation.boot ?? Self.bootFiles(in: subvolume.path))
      found.append(FoundDeployment(deployment: deployment, isRunning: isRunning))
    }
    return found
  }

  /// The tags and pins of the nodes and generations that are left.
  mutating func tags(of records: [NodeRecord]) -> TagRecord {
    guard let written = Store.tagRecord(in: root) else { return TagRecord(tags: [], pinned: []) }
    let nodes = Set(records.map(\.node.id))
    let generations = Set(records.flatMap(\.generations).map(\.id))
    var names: Set<TagName> = []
    let tags = written.tags.filter { tag in
      let isLeft = tag.generation.map { generations.contains(GenerationID(tag.node, $0)) } ?? nodes.contains(tag.node)
      if isLeft, names.insert(tag.name).inserted { return true }
      notes.append("the tag \(tag.name) is lost: \(tag.target), which had it, is not there")
      return false
    }
    return TagRecord(tags: tags, pinned: written.pinned.filter(generations.contains))
  }

  /// The boot files without the kernel arguments, which only the record of the generation has.
  private static func bootFiles(in root: FilePath) throws -> BootFiles? {
    try Kernels(in: root).newest.map { version in
      BootFiles(kernel: "boot/vmlinuz-\(version)", initrd: "boot/initrd.img-\(version)", arguments: "")
    }
  }

  private mutating func record(of id: NodeID, _ found: [Generation]) throws -> NodeRecord {
    let path = root.appending("ast/nodes/\(id).json")
    let written = Store.recordText(at: path).flatMap { try? NodeRecord(json: $0) }
    guard var record = written, record.node.id == id, id != .base || record.node.parent == nil else {
      notes.append("node \(id) has no readable record: its description and its parent are lost")
      let node = Node(
        id: id, parent: nil, description: id == .base ? "base snapshot" : "recovered", created: found[0].created,
        current: found[0].number, previous: nil, nextGeneration: found[0].number.next)
      return NodeRecord(node: node, generations: found, isDefault: id == .base, nextNode: NodeID(id.rawValue + 1))
    }
    let numbers = Set(found.map(\.number))
    if !numbers.contains(record.node.current) {
      notes.append(
        "generation \(record.node.current) of node \(id) is lost: generation \(found[0].number) is its content now")
      record.node.current = found[0].number
    }
    if let previous = record.node.previous, !numbers.contains(previous) || previous == record.node.current {
      record.node.previous = nil
    }
    record.node.nextGeneration = max(record.node.nextGeneration, found[0].number.next)
    record.generations = found.map { generation in
      guard let known = record.generations.first(where: { $0.number == generation.number }) else {
        notes.append(
          "the record of node \(id) does not have generation \(generation.number): it was not the content of the node")
        return generation
      }
      guard known.subvolume != generation.subvolume else {
        var known = known
        (known.node, known.size) = (id, generation.size)
        return known
      }
      notes.append("generation \(generation.number) of node \(id) is not the subvolume that its record names")
      return generation
    }
    return record
  }

  /// The read-only subvolumes of a node with a generation's name, newest first.
  private func generations(of id: NodeID) throws -> [Generation] {
    let directory = root.appending("nodes/\(id)")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    return try names.compactMap { name in
      guard let number = GenerationNumber(name) else { return nil }
      let subvolume = Subvolume(at: directory.appending(name))
      guard try Subvolume.isSubvolume(at: subvolume.path), case let info = try subvolume.info(), info.isReadOnly else {
        return nil
      }
      return Generation(
        node: id, number: number, subvolume: SubvolumeUUID(info.uuid), created: info.created, operation: nil,
        manifest: nil, size: try subvolume.referencedBytes())
    }.sorted { $0.number > $1.number }
  }
}

extension GenerationNumber {
  fileprivate var next: GenerationNumber { GenerationNumber(rawValue + 1) }
}
