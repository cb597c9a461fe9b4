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
  private let steps: [EtcStep]
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

  /// - Parameter identity: the side that provides the machine's own files.
  package init(from source: EtcSource?, generation: FilePath, mode: EtcMode, identity: Side) throws {
    guard let source else {
      (report, steps, directories) = (EtcReport(), [], [:])
      return
    }
    let trees = try EtcTree.read([source.pristine, source.root, generation])
    let (pristine, live, new) = (trees[0], trees[1], trees[2])
    var liveAccounts = live.accounts
    // A system without these files is broken: its accounts were not deleted.
    liveAccounts.passwd = liveAccounts.passwd ?? pristine.accounts.passwd
    liveAccounts.group = liveAccounts.group ?? pristine.accounts.group
    let accounts = AccountMerge(pristine: pristine.accounts, live: liveAccounts, new: new.accounts)
    let plan = EtcPlan(
      pristine: pristine.node, live: live.node, new: new.node, accounts: accounts.merged, mode: mode,
      identity: identity)
    let changing = plan.steps.filter { !Self.isDone($0, in: new) }
    steps = changing + (identity == .live ? Self.backups(of: live, replacedBy: accounts.merged) : [])
    directories = [.live: live.directory, .new: new.directory].compactMapValues { $0 }
    report = EtcReport(plan, accounts.remarks)
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
      return .put(FilePath("\(file)-"), EtcEntry(content: .copy(.live, file), attributes: node.attributes))
    }
  }

  /// Carries out the merge in the deployment that is being made: a writable subvolume, so far as in the generation.
  /// Repeating it changes nothing.
  ///
  /// - Throws: `AstError`; the subvolume must be discarded then.
  public func apply(to staged: FilePath) throws {
    guard !steps.isEmpty else { return }
    let top = try OpenDirectory(staged)
    if try top.status(of: "etc") == nil {
      try top.makeDirectory("etc")
      try top.setAttributes(FileAttributes(mode: 0o755), of: "etc")
    }
    guard let etc = try top.directory("etc") else {
      throw AstError(.refused, "\(staged.appending("etc")) is not a directory")
    }
    for step in steps { try carryOut(step, in: etc) }
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
