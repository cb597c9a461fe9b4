import SystemPackage

/// The effect of a send stream on a tree: the commands are carried out on names alone, as btrfs-receive(8) carries
/// them out on files. So the names the kernel gives in between (`o257-7-0`), and the order in which it moves
/// directories, play no part in the outcome.
struct ChangedPaths {
  /// A file that has another place now. The contents of a directory move with it and need not be mentioned.
  struct Move {
    let from: TreePath
    let to: TreePath
  }

  /// A file that a command has mentioned, or a directory on the way to one.
  private struct File {
    /// The place in the older tree; nil for a new file.
    let origin: TreePath?
    /// The known entries of a directory: numbers in `files`, nil for removed ones. All other entries are those of the
    /// older tree.
    var entries: [ArraySlice<UInt8>: Int?] = [:]
    var isChanged = false
  }

  private var files = [File(origin: .root)]

  /// The changes to the names in `older` on the way to `newer`.
  init(from older: Subvolume, to newer: Subvolume) throws(BtrfsError) {
    try SendStream.read(from: older, to: newer) { (command) throws(BtrfsError) in
      guard apply(command) else { throw BtrfsError("compare", newer.path, .badMessage) }
    }
  }

  // MARK: Carrying out commands

  /// Returns false for a command that makes no sense.
  private mutating func apply(_ command: SendCommand) -> Bool {
    switch command {
    case .make(let path):
      files.append(File(origin: nil))
      return enter(files.count - 1, at: path)
    case .rename(let path, let target):
      guard let file = find(path), enter(nil, at: path) else { return false }
      return enter(file, at: target)
    case .link(let path, let existing):
      guard let file = find(existing) else { return false }
      return enter(file, at: path)
    case .remove(let path):
      return find(path) != nil && enter(nil, at: path)
    case .change(let path):
      guard let file = find(path) else { return false }
      files[file].isChanged = true
      return true
    case .other:
      return true
    }
  }

  private mutating func enter(_ file: Int?, at path: TreePath) -> Bool {
    guard let parent = path.parent, let directory = find(parent), let name = path.names.last else { return false }
    files[directory].entries.updateValue(file, forKey: name)
    return true
  }

  private mutating func find(_ path: TreePath) -> Int? {
    var file = 0
    for name in path.names {
      guard let next = entry(name, of: file) else { return nil }
      file = next
    }
    return file
  }

  private mutating func entry(_ name: ArraySlice<UInt8>, of directory: Int) -> Int? {
    if let known = files[directory].entries[name] { return known }
    guard let origin = files[directory].origin else { return nil }
    files.append(File(origin: origin.appending(name)))
    files[directory].entries.updateValue(files.count - 1, forKey: name)
    return files.count - 1
  }

  // MARK: The outcome

  /// The paths and files that have to be compared.
  struct Outcome {
    /// The paths, in the older tree or the newer, where another file is or the same one was changed.
    var candidates: Set<TreePath> = []
    /// The files that went from one place to another.
    var moves: [Move] = []
    /// The paths of changed files in the older tree: the newer tree may have other names for them.
    var changed: Set<TreePath> = []
  }

  /// The outcome of the commands.
  var outcome: Outcome {
    var outcome = Outcome()
    gather(0, at: .root, into: &outcome)
    if files[0].isChanged { outcome.candidates.insert(.root) }
    for file in files {
      guard let origin = file.origin else { continue }
      for (name, entry) in file.entries where !isInPlace(entry, origin.appending(name)) {
        outcome.candidates.insert(origin.appending(name))
      }
    }
    return outcome
  }

  private func isInPlace(_ file: Int?, _ place: TreePath?) -> Bool {
    guard let file, let place else { return false }
    return files[file].origin == place
  }

  private func gather(_ directory: Int, at path: TreePath, into outcome: inout Outcome) {
    for (name, entry) in files[directory].entries {
      guard let entry else { continue }
      let (file, place) = (files[entry], path.appending(name))
      let isInPlace = isInPlace(entry, files[directory].origin?.appending(name))
      if file.isChanged || !isInPlace { outcome.candidates.insert(place) }
      if file.isChanged, file.origin != nil { outcome.changed.insert(place) }
      if let origin = file.origin, !isInPlace { outcome.moves.append(Move(from: origin, to: place)) }
      gather(entry, at: place, into: &outcome)
    }
  }
}
