import FileTrees
import SystemPackage

/// The walk through three trees that makes an ``EtcPlan``.
struct EtcMerge {
  typealias Versions = ThreeWay<FileNode?>
  private typealias Children = [FilePath.Component: FileNode]

  /// The contents of account files by path.
  let accounts: [FilePath: [UInt8]]
  /// The side whose files identify the machine.
  let identity: Side
  private var placed: [FilePath: EtcEntry] = [:]
  private var decided: [EtcDecision] = []
  /// The new versions in conflicts, by their paths.
  private var asides: [FilePath: [FilePath: EtcEntry]] = [:]

  init(_ versions: Versions, accounts: [FilePath: [UInt8]], identity: Side) {
    self.accounts = accounts
    self.identity = identity
    merge("", versions)
  }

  /// The entries of the new /etc. A new version replaces one that an earlier conflict has left.
  var entries: [FilePath: EtcEntry] {
    let others = placed.filter { !isAside($0.key) }
    return asides.values.reduce(others) { $0.merging($1) { $1 } }
  }

  /// The decisions about each path, except for the contents of directories that were added or removed as a whole.
  var decisions: [EtcDecision] {
    decided.filter { !isAside($0.path) }
  }

  /// Whether the path is a new version's in a conflict, or below one.
  private func isAside(_ path: FilePath) -> Bool {
    guard !asides.isEmpty else { return false }
    var place = path
    while place.lastComponent != nil {
      if asides[place] != nil { return true }
      place.removeLastComponent()
    }
    return asides[place] != nil
  }

  /// Decides about a path and all below it.
  private mutating func merge(_ path: FilePath, _ versions: Versions) {
    if let content = accounts[path] {
      placeAccounts(path, versions, content)
    } else if Self.histories.contains(path) {
      placeHistory(path, versions)
    } else if let side = MachineFile.covering(etc: path)?.side {
      placeMachine(path, versions, identity == .new ? .new : side)
    } else if let (pristine, live, new) = directories(versions) {
      let names = Set((pristine ?? [:]).keys).union((live ?? [:]).keys).union((new ?? [:]).keys)
      let count = placed.count + asides.count
      for name in names {
        merge(path.appending(name), ThreeWay(pristine?[name], live?[name], new?[name]))
      }
      placeDirectory(path, versions, isUsed: placed.count + asides.count > count)
    } else {
      mergeWhole(path, versions)
    }
  }

  /// The contents of the directories, if each path in them has to be decided separately. Not if one side
  /// has something else in place of the directory.
  private func directories(_ versions: Versions) -> (pristine: Children?, live: Children?, new: Children?)? {
    let (pristine, live, new) = (versions.pristine?.children, versions.live?.children, versions.new?.children)
    guard (live == nil) == (versions.live == nil), (new == nil) == (versions.new == nil) else { return nil }
    guard live != nil || new != nil else { return nil }
    let isSame = live != nil && new != nil
    guard isSame || (pristine == nil) == (versions.pristine == nil) else { return nil }
    return (pristine, live, new)
  }

  private mutating func placeDirectory(_ path: FilePath, _ versions: Versions, isUsed: Bool) {
    switch (versions.live, versions.new) {
    case (let live?, let new?):
      mergeAttributes(path, versions, live, new, contentIsLive: false)
    case (let live?, nil):
      let isAdded = versions.pristine == nil
      guard isAdded || isUsed else { return decide(path, .keep, .changedByGeneration) }
      placed[path] = EtcEntry(content: .directory, attributes: live.attributes)
      decide(path, .take, isAdded ? .changedHere : .stillUsed)
    case (nil, let new?):
      let isAdded = versions.pristine == nil
      guard isAdded || isUsed else { return decide(path, .remove, .changedHere) }
      placed[path] = EtcEntry(content: .directory, attributes: new.attributes)
      decide(path, .keep, isAdded ? .changedByGeneration : .stillUsed)
    case (nil, nil):
      break
    }
  }

  /// Decides about something that is not a directory on both sides.
  private mutating func mergeWhole(_ path: FilePath, _ versions: Versions) {
    switch versions.winner {
    case .both:
      place(path, versions.new, .new)
      decide(path, .keep, versions.live == versions.pristine ? .untouched : .sameChange)
    case .new:
      place(path, versions.new, .new)
      decide(path, .keep, .changedByGeneration)
    case .live:
      place(path, versions.live, .live)
      decide(path, versions.live == nil ? .remove : .take, .changedHere)
    case .neither:
      if let live = versions.live, let new = versions.new, live.isSameType(as: new) {
        mergeFile(path, versions, live, new)
      } else {
        conflict(path, versions)
      }
    }
  }

  /// Merges a file that both sides have changed: content and attributes each by itself.
  private mutating func mergeFile(_ path: FilePath, _ versions: Versions, _ live: FileNode, _ new: FileNode) {
    let side: Side
    switch ThreeWay(versions.pristine?.content, live.content, new.content).winner {
    case .both, .new: side = .new
    case .live: side = .live
    case .neither: return conflict(path, versions)
    }
    place(path, side == .live ? live : new, side)
    mergeAttributes(path, versions, live, new, contentIsLive: side == .live)
  }

  /// Gives an entry the attributes of both sides, and returns the decision about the whole.
  private mutating func mergeAttributes(
    _ path: FilePath, _ versions: Versions, _ live: FileNode, _ new: FileNode, contentIsLive: Bool
  ) {
    let pristine = versions.pristine.flatMap { $0.isSameType(as: new) ? $0.attributes : nil }
    let merge = AttributeMerge(pristine, live.attributes, new.attributes, contentIsLive: contentIsLive)
    placed[path, default: EtcEntry(content: .directory, attributes: merge.merged)].attributes = merge.merged
    if merge.isConflict {
      decide(path, .conflict, .attributesOnBoth)
    } else if live.attributes == new.attributes, !contentIsLive {
      decide(path, .keep, pristine == new.attributes ? .untouched : .sameChange)
    } else if merge.merged == new.attributes, !contentIsLive {
      decide(path, .keep, .changedByGeneration)
    } else if merge.merged == live.attributes, contentIsLive || new.children != nil {
      decide(path, .take, .changedHere)
    } else {
      decide(path, .merge, .differentParts)
    }
  }

  /// The live version stays, and the new one lies beside it.
  private mutating func conflict(_ path: FilePath, _ versions: Versions) {
    place(path, versions.live, .live)
    guard let new = versions.new else {
      return decide(path, .conflict, .changedHereRemovedByGeneration)
    }
    let aside = Self.aside(path)
    asides[aside] = new.entries(.new, at: aside, from: path)
    decide(path, .conflict, versions.live == nil ? .removedHereChangedByGeneration : .changedOnBoth, aside: aside)
  }

  private mutating func placeMachine(_ path: FilePath, _ versions: Versions, _ side: Side) {
    let isSame = versions.live == versions.new
    let isLive = !isSame && side == .live && (versions.live != nil || versions.pristine != nil)
    place(path, isLive ? versions.live : versions.new, isLive ? .live : .new)
    decide(path, !isLive ? .keep : versions.live == nil ? .remove : .take, isSame ? .sameChange : .machine)
  }

  /// What etckeeper(8) keeps of the history of /etc. Parts of two of them make none.
  private static let histories: Set<FilePath> = [".git", ".hg", ".bzr", "_darcs", ".etckeeper"]

  /// The machine's history stays, unless only the generation's has gone on.
  private mutating func placeHistory(_ path: FilePath, _ versions: Versions) {
    let isLive = identity == .live && [.live, .neither].contains(versions.winner)
    place(path, isLive ? versions.live : versions.new, isLive ? .live : .new)
    let isChanged = versions.live != versions.new
    decide(path, !isLive ? .keep : versions.live == nil ? .remove : .take, isChanged ? .machine : .sameChange)
  }

  private mutating func placeAccounts(_ path: FilePath, _ versions: Versions, _ content: [UInt8]) {
    guard let present = versions.new ?? versions.live else { return }
    var attributes = present.attributes
    if let live = versions.live, let new = versions.new {
      attributes =
        AttributeMerge(versions.pristine?.attributes, live.attributes, new.attributes, contentIsLive: true).merged
    }
    placed[path] = EtcEntry(content: .bytes(content), attributes: attributes)
    decide(path, .merge, .accounts)
  }

  private mutating func place(_ path: FilePath, _ node: FileNode?, _ side: Side) {
    guard let node else { return }
    placed.merge(node.entries(side, at: path, from: path)) { $1 }
  }

  private mutating func decide(
    _ path: FilePath, _ verdict: EtcDecision.Verdict, _ reason: EtcDecision.Reason, aside: FilePath? = nil
  ) {
    decided.append(EtcDecision(path: path, verdict: verdict, reason: reason, aside: aside))
  }

  /// NAME_MAX (linux/limits.h), in bytes.
  private static let longestName = 255

  /// The path for the new version in a conflict.
  private static func aside(_ path: FilePath) -> FilePath {
    let suffix = EtcPlan.asideSuffix.utf8
    let name = FilePath(root: nil, path.components.suffix(1)).bytes.prefix(longestName - suffix.count) + suffix
    let aside = FilePath(platformString: name.map { CInterop.PlatformChar(bitPattern: $0) } + [0])
    return path.removingLastComponent().pushing(aside)
  }
}
