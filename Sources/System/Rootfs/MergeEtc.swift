import Btrfs
import Etc
import FileTrees
import Glibc
import Host
import SystemPackage

/// The deployment whose /etc a new deployment gets.
public struct EtcSource: Hashable, Sendable {
  /// The root of the running or the default deployment: `/` for the running one.
  public let root: FilePath
  /// The root of the generation it was made of.
  public let pristine: FilePath

  /// The deployment whose root is at `root` and was made of the generation whose root is at `pristine`.
  public init(root: FilePath, pristine: FilePath) {
    self.root = root
    self.pristine = pristine
  }
}

/// Brings the changes in the /etc of a deployment into the /etc of a new one.
///
///     let merge = try MergeEtc(from: source, generation: generation)
///     try merge.apply(to: staged)
///     for sentence in merge.report.sentences { print(sentence) }
public struct MergeEtc {
  /// The result.
  public let report: EtcReport
  /// Whether the /etc that the changes come from differs from the one that it was made from.
  package let hasChanges: Bool
  /// The names of the people in the merged /etc.
  package let people: [String]
  /// The steps from the new side's /etc to the merged one.
  package let steps: [EtcStep]
  private let protection: EtcProtection
  private let directories: [Side: OpenDirectory]

  /// Reads the three trees and decides. Nothing is written.
  ///
  /// - Parameters:
  ///   - source: nil if nothing was deployed before: then there is nothing to do.
  ///   - generation: the root of the generation that is deployed.
  ///   - mode: the treatment of the changes.
  public init(from source: EtcSource?, generation: FilePath, mode: EtcMode = .merge) throws {
    try self.init(from: source, generation: generation, mode: mode, identity: .live)
  }

  /// - Parameters:
  ///   - identity: the side that provides the machine's own files.
  ///   - other: the root of the generation of the system at `source.root`, if that system was not made from
  ///     `source.pristine`: what it has from its generation was not changed here.
  ///   - ignored: names in /etc whose changes do not count.
  package init(
    from source: EtcSource?, generation: FilePath, mode: EtcMode, identity: Side, ofGeneration other: FilePath? = nil,
    ignoring ignored: [FilePath.Component] = []
  ) throws {
    guard let source else {
      (report, steps, directories, hasChanges) = (EtcReport(), [], [:], false)
      let new = try EtcTree.read([generation])[0]
      protection = EtcProtection(of: new.node)
      people = AccountMerge.people(in: new.accounts)
      return
    }
    let trees = try EtcTree.read([source.pristine, source.root, generation] + [other].compactMap(\.self))
    let (pristine, live, new) = (trees[0], trees[1], trees[2])
    var liveNode = other == nil ? live.node : live.node.changes(since: trees[3].node, onto: pristine.node)
    for name in ignored { liveNode = liveNode.replacing(name, by: pristine.node[FilePath(root: nil, [name])]) }
    var liveAccounts = live.accounts
    // A system without these files is broken: its accounts were not deleted.
    liveAccounts.passwd = liveAccounts.passwd ?? pristine.accounts.passwd
    liveAccounts.group = liveAccounts.group ?? pristine.accounts.group
    let accounts = AccountMerge(pristine: pristine.accounts, live: liveAccounts, new: new.accounts)
    let plan = EtcPlan(
      pristine: pristine.node, live: liveNode, new: new.node, accounts: accounts.merged, mode: mode,
      identity: identity)
    let changing = plan.steps.filter { !Self.isDone($0, in: new) }
    steps = changing + (identity == .live ? Self.backups(of: live, replacedBy: accounts.merged) : [])
    protection = EtcProtection(of: new.node, steps)
    directories = [.live: live.directory, .new: new.directory].compactMapValues { $0 }
    report = EtcReport(plan, accounts.remarks)
    hasChanges = Self.comparable(pristine.node) != Self.comparable(live.node)
    people = AccountMerge.people(in: accounts.merged)
  }

  /// Reads two trees and decides which accounts of the system that ran last a deployment gets that has its own /etc.
  ///
  /// - Parameter known: the people whose accounts that system has had.
  package init(accountsOf other: FilePath, into own: FilePath, known: [String]) throws {
    let trees = try EtcTree.read([own, other])
    let (new, live) = (trees[0], trees[1])
    let accounts =
      live.accounts.passwd == nil
      ? AccountMerge(pristine: new.accounts, live: new.accounts, new: new.accounts)
      : AccountMerge(following: live.accounts, into: new.accounts, known: Set(known))
    let plan = EtcPlan(
      pristine: new.node, live: new.node, new: new.node, accounts: accounts.merged, identity: .new)
    steps = plan.steps.filter { !Self.isDone($0, in: new) }
    protection = EtcProtection(of: new.node, steps)
    directories = [.new: new.directory].compactMapValues { $0 }
    report = EtcReport(plan, accounts.remarks)
    hasChanges = !steps.isEmpty
    people = AccountMerge.people(in: accounts.merged)
  }

  /// An /etc without the files that belong to a deployment.
  private static func comparable(_ etc: FileNode) -> FileNode {
    let children = (etc.children ?? [:]).filter {
      MachineFile.covering(etc: FilePath(root: nil, [$0.key]))?.side != .new
    }
    return FileNode(.directory(children), etc.attributes)
  }

  /// Whether there are no steps.
  package var isEmpty: Bool { steps.isEmpty }

  /// Whether a step writes an account file that the generation already has: the plan does not see its contents.
  private static func isDone(_ step: EtcStep, in new: EtcTree) -> Bool {
    guard case .put(let path, let entry) = step, case .bytes(let bytes) = entry.content else { return false }
    return new.accounts.contents[path] == bytes && new.node[path]?.attributes == entry.attributes
  }

  /// The live account files whose contents change, under the names of their usual backups (passwd(5), shadow(5)).
  private static func backups(of live: EtcTree, replacedBy merged: AccountFiles) -> [EtcStep] {
    let (old, new) = (live.accounts.contents, merged.contents)
    return AccountFiles.names.compactMap { file in
      guard let node = live.node[file], let content = old[file], content != new[file] else { return nil }
      // Programs that change the accounts write the backups as well.
      var attributes = node.attributes
      attributes.protection = 0
      return .put(FilePath("\(file)-"), EtcEntry(content: .copy(.live, file), attributes: attributes))
    }
  }

  /// Carries out the merge in the deployment that is being made: a writable subvolume, so far as in the generation.
  /// Repeating it changes nothing. Files that chattr(1) protects are not protected any more: see ``protect(in:as:)``.
  ///
  /// - Parameter name: the name of the directory in `staged` that is like the generation's /etc.
  /// - Throws: `AstError`; the directory must be discarded then.
  public func apply(to staged: FilePath, as name: FilePath.Component = "etc") throws {
    let top = try OpenDirectory(staged)
    try top.directory(name).map(protection.lift)
    guard !steps.isEmpty else { return }
    if try top.status(of: name) == nil {
      try top.makeDirectory(name)
      try top.setAttributes(FileAttributes(mode: 0o755), of: name)
    }
    guard let etc = try top.directory(name) else {
      throw AstError(.refused, "\(staged.appending(name)) is not a directory")
    }
    for step in steps { try carryOut(step, in: etc) }
  }

  /// Protects the merged files like chattr(1), where the merge or the new side says so. Call it last: after it, nothing
  /// can change them.
  package func protect(in staged: FilePath, as name: FilePath.Component = "etc") throws {
    try OpenDirectory(staged).directory(name).map(protection.restore)
  }

  private func carryOut(_ step: EtcStep, in etc: OpenDirectory) throws {
    switch step {
    case .remove(let path):
      // The contents of a directory that was removed are removed as well.
      guard let above = try etc.directory(at: path.removingLastComponent()), let name = path.lastComponent else {
        return
      }
      try above.remove(name)
    case .setAttributes(let path, let attributes):
      let (directory, name) = try etc.parent(of: path)
      try directory.setAttributes(attributes, of: name)
    case .put(let path, let entry):
      let (directory, name) = try etc.parent(of: path)
      try put(entry, name, in: directory)
    }
  }

  private func put(_ entry: EtcEntry, _ name: OpenDirectory.Name, in directory: OpenDirectory) throws {
    let isDirectory = try directory.status(of: name).map { $0.st_mode & S_IFMT == S_IFDIR }
    if entry.content == .directory {
      if isDirectory == false { try directory.remove(name) }
      if isDirectory != true { try directory.makeDirectory(name) }
      return try directory.setAttributes(entry.attributes, of: name)
    }
    if isDirectory == true { try directory.remove(name) }
    try directory.replace(name, entry.attributes) { try make(entry.content, $0, in: directory) }
  }

  private func make(_ content: EtcEntry.Content, _ name: OpenDirectory.Name, in directory: OpenDirectory) throws {
    switch content {
    case .directory: try directory.makeDirectory(name)
    case .link(let target): try directory.makeLink(name, to: target)
    case .special(let type, let device): try directory.makeSpecial(name, type: type, device: device)
    case .bytes(let bytes): try directory.makeFile(name, with: bytes)
    case .copy(let side, let path):
      guard let source = directories[side] else { throw OpenDirectory.failure("find", path, ENOENT) }
      let (above, original) = try source.parent(of: path)
      try directory.copy(original, from: above, to: name)
    }
  }
}
