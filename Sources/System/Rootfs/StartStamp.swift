import Etc
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// What the /etc of a deployment was made from: the file `.ast/start` in it.
///
/// It is part of the directory, so it is exchanged with it: an /etc and its stamp always fit together.
package struct StartStamp: Codable, Hashable, Sendable {
  /// The deployment. A stamp that was copied from another one does not count.
  package var deployment: Int
  /// The generation that the deployment is an instance of: its path in the store; nil for a deployment of an ast that
  /// wrote no stamp.
  package var generation: String?
  /// The snapshot of the root from which this /etc was merged last, and the system that had that root; nil if nothing
  /// was deployed before.
  package var base: Base?
  /// How changes in /etc come along.
  package var mode: EtcMode
  /// The users that came along: if the machine deletes one of them, it is deleted here, too.
  package var people: [String]

  /// The /etc that a merge began from.
  package struct Base: Codable, Hashable, Sendable {
    /// The name of its snapshot in the store's directory of bases.
    package var snapshot: String
    /// The system whose /etc it was.
    package var of: String

    package init(snapshot: String, of: String) {
      self.snapshot = snapshot
      self.of = of
    }
  }

  package init(deployment: Int, generation: String?, base: Base?, mode: EtcMode, people: [String]) {
    self.deployment = deployment
    self.generation = generation
    self.base = base
    self.mode = mode
    self.people = people
  }

  private static let file: OpenDirectory.Name = "start"
  private static let directory: OpenDirectory.Name = ".ast"
  private static let largest: Int64 = 1 << 20

  /// The stamp of a deployment in this /etc; nil if an ast made it that wrote none.
  package init?(of deployment: Int, in etc: OpenDirectory) throws {
    guard let content = try etc.directory(Self.directory)?.contents(of: Self.file, limit: Self.largest),
      let stamp = try? JSONDecoder().decode(StartStamp.self, from: Data(content)), stamp.deployment == deployment
    else { return nil }
    self = stamp
  }

  /// Writes the stamp into an /etc that is being made.
  package func write(into etc: OpenDirectory) throws {
    if try etc.status(of: Self.directory).map({ $0.st_mode & S_IFMT != S_IFDIR }) ?? false {
      try etc.remove(Self.directory)
    }
    if try etc.status(of: Self.directory) == nil { try etc.makeDirectory(Self.directory) }
    guard let directory = try etc.directory(Self.directory) else {
      throw OpenDirectory.failure("open", etc.path.appending(Self.directory), ENOENT)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let content = try encoder.encode(self)
    try directory.replace(Self.file, .init(mode: 0o600)) { try directory.makeFile($0, with: Array(content)) }
  }
}
