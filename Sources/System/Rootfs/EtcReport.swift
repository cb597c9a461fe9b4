import Etc
import SystemPackage

/// The result of a merge of /etc: the conflicts for the administrator, and the amount of work.
public struct EtcReport: Encodable, Sendable {
  /// A path that was changed on both sides. The change made here stays.
  public struct Conflict: Encodable, Sendable {
    /// The path.
    public let path: FilePath
    /// The reason.
    public let reason: EtcDecision.Reason
    /// The path of the new generation's version, if it has one.
    public let aside: FilePath?
  }

  /// The conflicts for the administrator, in the order of paths.
  public let conflicts: [Conflict]
  /// The remarks about the accounts.
  public let accounts: [AccountRemark]
  /// The number of files that were changed here and stay so.
  public let taken: Int
  /// The number of files that were removed here and stay so.
  public let removed: Int
  /// The number of files merged from both sides, including account files.
  public let merged: Int

  /// An empty report.
  package init() {
    (conflicts, accounts, taken, removed, merged) = ([], [], 0, 0, 0)
  }

  init(_ plan: EtcPlan, _ accounts: [AccountRemark]) {
    conflicts = plan.conflicts.map { decision in
      Conflict(path: Self.absolute(decision.path), reason: decision.reason, aside: decision.aside.map(Self.absolute))
    }
    self.accounts = accounts
    let verdicts = plan.decisions.map(\.verdict)
    taken = verdicts.count { $0 == .take }
    removed = verdicts.count { $0 == .remove }
    merged = verdicts.count { $0 == .merge }
  }

  /// The report of a merge, combined with the report of a second merge into its result.
  package static func += (report: inout EtcReport, next: EtcReport) {
    report = EtcReport(
      conflicts: report.conflicts + next.conflicts, accounts: report.accounts + next.accounts,
      taken: report.taken + next.taken, removed: report.removed + next.removed, merged: report.merged + next.merged)
  }

  private init(conflicts: [Conflict], accounts: [AccountRemark], taken: Int, removed: Int, merged: Int) {
    (self.conflicts, self.accounts) = (conflicts, accounts)
    (self.taken, self.removed, self.merged) = (taken, removed, merged)
  }

  private static func absolute(_ path: FilePath) -> FilePath { FilePath("/etc").pushing(path) }

  /// The sentences for the administrator; none if there were no conflicts.
  public var sentences: [String] { conflicts.map(\.sentence) + accounts.map(\.sentence) }

  private enum Key: String, CodingKey { case conflicts, accounts, taken, removed, merged }

  /// The data for programs.
  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(conflicts, forKey: .conflicts)
    try object.encode(accounts.map(RemarkData.init), forKey: .accounts)
    try object.encode(taken, forKey: .taken)
    try object.encode(removed, forKey: .removed)
    try object.encode(merged, forKey: .merged)
  }
}

extension EtcReport.Conflict {
  private enum Key: String, CodingKey { case path, reason, aside }

  /// The data for programs; `aside` is null if there is no such file.
  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(path.string, forKey: .path)
    try object.encode(reason, forKey: .reason)
    try object.encode(aside?.string, forKey: .aside)
  }

  /// One sentence without a full stop.
  public var sentence: String {
    let new = aside.map { ", the new one is \($0)" } ?? ""
    return switch reason {
    case .removedHereChangedByGeneration:
      "\(path): removed here and changed by the new generation; it stays removed\(new)"
    case .changedHereRemovedByGeneration: "\(path): changed here and no longer in the new generation; yours stays"
    case .attributesOnBoth: "\(path): owner or permissions were changed here and by the new generation; yours stay"
    default: "\(path): changed here and by the new generation; yours stays\(new)"
    }
  }
}

extension AccountRemark {
  /// One sentence without a full stop.
  public var sentence: String {
    switch self {
    case .gone(let kind, let name):
      "\(kind.rawValue) \(name) is removed: the new generation has no such \(kind.rawValue)"
    case .locked(let kind, let name):
      "\(kind.rawValue) \(name) keeps its number and is locked: the new generation has no such \(kind.rawValue)"
    case .keptChanged(let kind, let name):
      "\(kind.rawValue) \(name) is kept: changed here, and no longer in the new generation"
    case .returned(let kind, let name):
      "\(kind.rawValue) \(name) comes back: removed here, and changed by the new generation"
    case .renumbered(let kind, let name, let live, let new):
      "\(kind.rawValue) \(name) is renumbered, as in all nodes: \(live) -> \(new)"
    case .shared(let kind, let names, let id):
      "the \(kind.rawValue)s \(names.joined(separator: " and ")) share the number \(id)"
    case .repaired(.user, let name): "the line of user \(name) in /etc/shadow was corrected"
    case .repaired(.group, let name): "the line of group \(name) in /etc/gshadow was corrected"
    case .overlap(let names):
      "the users \(names.joined(separator: " and ")) have subordinate numbers in common (subuid(5), subgid(5))"
    }
  }
}

/// A remark about accounts, for programs.
private struct RemarkData: Encodable {
  private let remark: String
  private let kind: AccountRemark.Kind
  private let names: [String]
  private let message: String

  init(_ remark: AccountRemark) {
    message = remark.sentence
    (self.remark, kind, names) =
      switch remark {
      case .gone(let kind, let name): ("gone", kind, [name])
      case .locked(let kind, let name): ("locked", kind, [name])
      case .keptChanged(let kind, let name): ("kept", kind, [name])
      case .returned(let kind, let name): ("returned", kind, [name])
      case .renumbered(let kind, let name, _, _): ("renumbered", kind, [name])
      case .shared(let kind, let names, _): ("shared", kind, names)
      case .repaired(let kind, let name): ("repaired", kind, [name])
      case .overlap(let names): ("overlap", .user, names)
      }
  }
}
