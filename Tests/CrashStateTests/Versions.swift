import SystemPackage
import TestSupport
import Testing

/// What ast does, in plain btrfs: each command makes the next version of a tree from the current one
/// (a snapshot), fills it, seals it, gives it its name, makes it current by replacing the file `current`, and deletes
/// the version before the previous one.
struct Versions: CustomTestStringConvertible, Sendable {
  /// The steps that are made durable.
  var name: String
  var syncsBeforeRename = false
  var syncsAfterRename = false
  var syncsPointer = false

  static let syncThenRename = Versions(
    name: "snapshot, write, syncfs, rename, pointer", syncsBeforeRename: true, syncsPointer: true)
  static let renameThenSync = Versions(
    name: "snapshot, write, rename, syncfs, pointer", syncsAfterRename: true, syncsPointer: true)
  static let neverSynced = Versions(name: "nothing synced")
  static let pointerOnly = Versions(name: "only the pointer synced", syncsPointer: true)

  var testDescription: String { name }

  private static let count = 6

  /// Makes and publishes version 0, without power cuts.
  func prepare(_ root: FilePath) throws {
    try runSuccessfully(["mkdir", "versions"], in: root)
    try runSuccessfully(["btrfs", "subvolume", "create", "versions/0"], in: root)
    try runSuccessfully(["sh", "-euc", "\(Self.fill("versions/0", 0)); echo 0 > current"], in: root)
  }

  /// One command for each version.
  func commands(_ root: FilePath) -> [[String]] {
    (1...Self.count).map { version in
      let steps: [String?] = [
        "btrfs subvolume snapshot versions/\(version - 1) versions/.staged",
        Self.fill("versions/.staged", version),
        syncsBeforeRename ? "sync -f versions" : nil,
        "btrfs property set -ts versions/.staged ro true",
        "mv versions/.staged versions/\(version)",
        syncsAfterRename ? "sync -f versions" : nil,
        "echo \(version) > .current",
        syncsPointer ? "sync .current" : nil,
        "mv .current current",
        syncsPointer ? "sync ." : nil,
        version < 2 ? nil : "btrfs subvolume delete versions/\(version - 2)",
      ]
      return ["sh", "-euc", steps.compactMap(\.self).joined(separator: "\n")]
    }
  }

  /// The current version must be a possible one; it and the previous one must be complete.
  func problems(in state: CrashState) throws -> [String] {
    let pointer = try runSuccessfully(["cat", "current"], in: state.mountPoint)
    guard let current = Int(pointer.dropLast()) else { return ["the pointer is \"\(pointer)\""] }
    let outdated =
      state.effective.contains(current) ? [] : ["version \(current) is current, not one of \(state.effective)"]
    let incomplete = try (max(0, current - 1)...max(0, current)).filter { version in
      let parts = (0...version).map { "versions/\(version)/data-\($0)" }
      return try run(["cat"] + parts, in: state.mountPoint).stdout != (0...version).map(Self.contents).joined()
    }
    return outdated + incomplete.map { "version \($0) is incomplete" }
  }

  /// The scenario with the defaults.
  var scenario: Scenario {
    Scenario(name: name, prepare: prepare, commands: commands, check: problems)
  }

  /// Each version adds a file that is too large for btrfs to keep inline in metadata, so that its data are written
  /// separately. It is a new file, because the data of a truncated one are written when it is closed.
  private static let lines = 6000

  private static func contents(of version: Int) -> String {
    String(repeating: "version \(version)\n", count: lines)
  }

  private static func fill(_ tree: String, _ version: Int) -> String {
    "yes 'version \(version)' | head -n \(lines) > \(tree)/data-\(version)"
  }
}
