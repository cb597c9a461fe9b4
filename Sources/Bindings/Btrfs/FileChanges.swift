import SystemPackage

extension Subvolume {
  /// How the files of this subvolume differ from those of `older`, by path. Both are read-only; which of them is really
  /// the older one does not matter, nor whether one was made from the other or both from a third.
  ///
  /// Only files in `directory`, a path relative to the root, count; a file that was moved into it is an added one.
  /// A path that is in both trees has changed or has not, whichever file is there: a file that was replaced by an equal
  /// one is not a difference. A file is renamed when its old path is gone and its new one is new.
  ///
  /// With a common history the kernel tells where to look (a send stream without data), and each of those files is
  /// compared; without one both trees are walked, and nothing is renamed.
  ///
  /// Throws `.notASubvolume`, `.notFound`, `.notBtrfs`, `.notPermitted` (needs CAP_SYS_ADMIN; a subvolume that is not
  /// read-only), `.other` where a file cannot be read (EIO) or has too long a path (ENAMETOOLONG).
  public func fileChanges(since older: Subvolume, in directory: FilePath = "") throws(BtrfsError) -> [FileChange] {
    try requireSubvolume(for: FileTree.operation)
    try older.requireSubvolume(for: FileTree.operation)
    var comparison = TreeComparison(try FileTree(older.path), try FileTree(path), in: TreePath(directory))
    // A snapshot has the top directory of what it was made from, and every other directory was made at another moment.
    guard try comparison.haveOneOrigin() else { return try comparison.changesOfAll() }
    return try comparison.changes(among: try ChangedPaths(from: older, to: self).outcome)
  }
}

/// A comparison of two trees.
///
/// The contents of a path in the two trees decide, not their history. So the answer is the same for every set of
/// candidates that leaves nothing out; all paths of both trees are such a set.
struct TreeComparison: ~Copyable {
  private let older: FileTree
  private let newer: FileTree
  private let scope: TreePath
  private var candidates: Set<TreePath> = []

  init(_ older: consuming FileTree, _ newer: consuming FileTree, in scope: TreePath) {
    self.older = older
    self.newer = newer
    self.scope = scope
  }

  func haveOneOrigin() throws(BtrfsError) -> Bool {
    try older.identity(at: .root) == newer.identity(at: .root)
  }

  /// The changes, found by looking at everything.
  mutating func changesOfAll() throws(BtrfsError) -> [FileChange] {
    candidates = Set(try older.paths(from: scope) + newer.paths(from: scope))
    return try compare(findingRenames: false)
  }

  /// The changes, found by looking where the kernel says.
  mutating func changes(among outcome: ChangedPaths.Outcome) throws(BtrfsError) -> [FileChange] {
    candidates = outcome.candidates
    for move in outcome.moves { try addFiles(of: move) }
    try addOtherNames(of: outcome.changed)
    candidates = candidates.filter { $0.isWithin(scope) }
    return try compare(findingRenames: true)
  }

  // MARK: More candidates

  /// The stream does not mention the contents of a directory that was moved. That is enough if the directory shows as
  /// renamed; otherwise each file in it has another path now.
  private mutating func addFiles(of move: ChangedPaths.Move) throws(BtrfsError) {
    guard try newer.hasDirectory(at: move.to) else { return }
    if move.from.isWithin(scope), move.to.isWithin(scope), try older.identity(at: move.to) == nil,
      try newer.identity(at: move.from) == nil
    {
      return
    }
    candidates.formUnion(try older.paths(from: move.from))
    candidates.formUnion(try newer.paths(from: move.to))
  }

  /// A changed file is mentioned by one of its names only.
  private mutating func addOtherNames(of changed: Set<TreePath>) throws(BtrfsError) {
    var wanted: Set<TreeFile.Identity> = []
    for place in changed {
      if let file = try newer.file(at: place), file.hasOtherNames { wanted.insert(file.identity) }
    }
    guard !wanted.isEmpty else { return }
    for place in try newer.paths(from: scope) {
      if let identity = try newer.identity(at: place), wanted.contains(identity) { candidates.insert(place) }
    }
  }

  // MARK: Comparing

  private func compare(findingRenames: Bool) throws(BtrfsError) -> [FileChange] {
    var changes: [TreePath: FileChange] = [:]
    var gone: [TreePath: TreeFile.Identity] = [:]
    var new: [TreePath: TreeFile.Identity] = [:]
    for place in candidates {
      let (old, now) = (try older.identity(at: place), try newer.identity(at: place))
      if old != nil, now != nil {
        changes[place] = try change(at: place, from: place)
      } else {
        gone[place] = old
        new[place] = now
      }
    }
    if findingRenames { changes.merge(try renames(&gone, &new)) { $1 } }
    for place in gone.keys { changes[place] = FileChange(.removed, place.filePath) }
    for place in new.keys { changes[place] = FileChange(.added, place.filePath) }
    return changes.sorted { $0.key < $1.key }.map(\.value)
  }

  /// The differences between a file of the older tree and one of the newer; nil if there are none.
  private func change(at place: TreePath, from origin: TreePath) throws(BtrfsError) -> FileChange? {
    let differences = try differences(at: place, from: origin)
    return differences.isEmpty ? nil : FileChange(.changed, place.filePath, differences: differences)
  }

  private func differences(at place: TreePath, from origin: TreePath) throws(BtrfsError) -> [FileChange.Difference] {
    guard let old = try older.file(at: origin), let now = try newer.file(at: place) else { return [] }
    return try now.differences(from: old)
  }

  /// Takes the renamed files out of the removed and the added ones.
  private func renames(
    _ gone: inout [TreePath: TreeFile.Identity], _ new: inout [TreePath: TreeFile.Identity]
  ) throws(BtrfsError) -> [TreePath: FileChange] {
    var changes: [TreePath: FileChange] = [:]
    let directories = try renamedDirectories(gone, new)
    for (place, identity) in new {
      guard let origin = directories.origin(of: place), try older.identity(at: origin) == identity else { continue }
      changes[place] = try change(at: place, from: origin)
      new[place] = nil
    }
    for (place, identity) in gone {
      guard let target = directories.target(of: place), try newer.identity(at: target) == identity else { continue }
      gone[place] = nil
    }
    // With several names of one file, any old name could have become any new one.
    var origins = Dictionary(grouping: gone.keys.sorted(by: >)) { gone[$0] }
    for place in new.keys.sorted() {
      guard let origin = origins[new[place]]?.popLast() else { continue }
      changes[place] = FileChange(
        .renamed, place.filePath, from: origin.filePath, differences: try differences(at: place, from: origin))
      gone[origin] = nil
      new[place] = nil
    }
    return changes
  }

  private func renamedDirectories(
    _ gone: [TreePath: TreeFile.Identity], _ new: [TreePath: TreeFile.Identity]
  ) throws(BtrfsError) -> RenamedDirectories {
    var directories = RenamedDirectories()
    let places = Dictionary(new.map { ($0.value, $0.key) }) { first, _ in first }
    for (origin, identity) in gone {
      guard let place = places[identity], try newer.hasDirectory(at: place) else { continue }
      directories.origins[place] = origin
      directories.targets[origin] = place
    }
    return directories
  }
}

/// Directories that have another path, like everything in them.
private struct RenamedDirectories {
  var origins: [TreePath: TreePath] = [:]
  var targets: [TreePath: TreePath] = [:]

  /// The path of a file before a directory above it was renamed; nil if none was.
  func origin(of place: TreePath) -> TreePath? { Self.follow(place, origins) }

  /// The path of a file after a directory above it was renamed; nil if none was.
  func target(of place: TreePath) -> TreePath? { Self.follow(place, targets) }

  private static func follow(_ place: TreePath, _ renames: [TreePath: TreePath]) -> TreePath? {
    var directory = place.parent
    while let above = directory {
      if let other = renames[above] { return place.moved(from: above, to: other) }
      directory = above.parent
    }
    return nil
  }
}
