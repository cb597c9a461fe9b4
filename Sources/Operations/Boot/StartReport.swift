import FoundationEssentials
import Host
import Rootfs
import SnapshotTree
import SystemPackage

/// What `boot-etc` did at this start, for the programs that run later: a file in /run, where the first programs of a
/// start can already write.
public struct StartReport: Codable, Sendable {
  /// The deployment that starts.
  public let deployment: Int
  /// The system that ran last, if that was another one.
  public var from: String?
  /// The sentences for the administrator: conflicts, and remarks about accounts.
  public var sentences: [String]
  /// Whether /etc was changed.
  public var isChanged: Bool
  /// Whether everything came along; if not, only the accounts of people did.
  public var isWhole: Bool
  /// Why /etc was not brought up to date; nil if it was.
  public var failure: String?
  /// The changes that the system that ran last has, and this one does not; nil if that is not known.
  public var leftBehind: Int?

  init(deployment: DeploymentID, from: String? = nil, etc: EtcReport? = nil, isWhole: Bool = true) {
    self.deployment = deployment.rawValue
    self.from = from
    sentences = etc?.sentences ?? []
    isChanged = etc != nil
    self.isWhole = isWhole
  }

  /// A report that the system that ran last is gone, so that nothing could be brought along.
  init(deployment: DeploymentID, gone: String) {
    self.init(deployment: deployment)
    sentences = ["\(Self.words(for: gone)) ran last and is gone: what was changed while it ran did not come along"]
  }

  /// Brings the /etc of a deployment of the store at `store` up to date, and reports on it.
  public init(of deployment: DeploymentID, in store: FilePath) {
    do {
      self = try BringEtcUpToDate(deployment, in: store).run()
    } catch {
      self.init(deployment: deployment)
      failure = AstError(error).reason
    }
  }

  private static let path: FilePath = "/run/ast/start.json"

  /// The report of this start; nil if there is none.
  public static func current() throws -> StartReport? {
    guard let content = try RootDirectory("/").contents(of: path) else { return nil }
    return try? JSONDecoder().decode(StartReport.self, from: content)
  }

  /// Leaves the report for the programs that run later.
  func write() throws {
    try Files.ensureDirectories(Self.path.removingLastComponent())
    try Files.write(try JSONEncoder().encode(self), to: Self.path)
  }

  /// Leaves the report for the programs that run later, and a short one in the kernel's log.
  public func announce() throws {
    try write()
    // In a container there is no such log.
    guard let log = try? FileDescriptor.open("/dev/kmsg", .writeOnly, options: .closeOnExec) else {
      for line in lines { _ = try FileDescriptor.standardError.writeAll("ast: \(line)\n".utf8) }
      return
    }
    // Each call makes one line, of the level "notice" (printk in the kernel's documentation).
    try log.closeAfter { for line in lines { _ = try log.writeAll("<5>ast: \(line)\n".utf8) } }
  }

  /// The lines for the kernel's log. It takes ten of them from one program in five seconds; the verdict is the first.
  private var lines: [String] {
    guard let failure else {
      guard let from else { return sentences }
      let system = Self.words(for: from)
      let verdict =
        switch (isWhole, isChanged) {
        case (true, true): "/etc has what was changed while \(system) ran"
        case (true, false): "/etc is up to date with \(system)"
        case (false, _): "the accounts of people are those of \(system)"
        }
      return [verdict] + sentences.prefix(Self.mostLines)
    }
    return ["/etc was not brought up to date: \(failure)"]
  }

  private static let mostLines = 6

  /// The message of the day about conflicts and what was left behind; nil if there was neither.
  var messageOfTheDay: String? {
    let lines = conflicts + [leftBehindSentence.map { "\($0)." }].compactMap(\.self)
    return lines.isEmpty ? nil : lines.map { "\($0)\n" }.joined()
  }

  private var conflicts: [String] {
    guard isChanged, !sentences.isEmpty else { return sentences }
    return ["When this deployment started, changes in /etc were brought along (`ast etc-diff` shows them):"]
      + sentences.map { "  \($0)" }
  }

  /// What the system that ran last has, and this one does not; nil if there is no such change.
  var leftBehindSentence: String? {
    guard let from, let leftBehind, leftBehind > 0 else { return nil }
    let changes = leftBehind == 1 ? "1 change" : "\(leftBehind) changes"
    return "\(changes) in the /etc of \(Self.words(for: from)), which ran before, did not come along: "
      + "`ast etc-diff d\(from)` shows them, `ast etc-update --from d\(from)` takes them"
  }

  /// The name of a system in a note of what ran last.
  static func words(for system: String) -> String {
    DeploymentID(system).map { "deployment \($0)" } ?? "the system from before ast"
  }
}
