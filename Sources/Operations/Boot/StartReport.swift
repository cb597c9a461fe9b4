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
  /// Why /etc was not brought up to date; nil if it was.
  public var failure: String?

  init(deployment: DeploymentID, from: String? = nil, etc: EtcReport? = nil) {
    self.deployment = deployment.rawValue
    self.from = from
    sentences = etc?.sentences ?? []
    isChanged = etc != nil
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

  /// Leaves the report for the programs that run later, and a short one in the kernel's log.
  public func announce() throws {
    try Files.ensureDirectories(Self.path.removingLastComponent())
    try Files.write(try JSONEncoder().encode(self), to: Self.path)
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
      let verdict =
        isChanged
        ? "/etc has what was changed while \(Self.words(for: from)) ran"
        : "/etc is up to date with \(Self.words(for: from))"
      return [verdict] + sentences.prefix(Self.mostLines)
    }
    return ["/etc was not brought up to date: \(failure)"]
  }

  private static let mostLines = 6

  /// The message of the day about conflicts; nil if there were none.
  var messageOfTheDay: String? {
    guard !sentences.isEmpty else { return nil }
    guard isChanged else { return sentences.map { "\($0)\n" }.joined() }
    let heading = "When this deployment started, changes in /etc were brought along (`ast etc-diff` shows them):"
    return ([heading] + sentences.map { "  \($0)" }).joined(separator: "\n") + "\n"
  }

  /// The name of a system in a note of what ran last.
  static func words(for system: String) -> String {
    Int(system).map { "deployment \($0)" } ?? "the system from before ast"
  }
}
