import DebianFormats
import Host

/// What a request would do to a node: found out without changing anything.
public struct PackagePlan: Sendable {
  /// What happens to each package, by name.
  public let steps: [PackageStep]
  /// Packages that stay as they are and count as asked for from now on, not as there because others need them.
  public let marks: [String]
  /// The files apt needs for that.
  public let downloads: [PackageDownload]
  /// The bytes that are not in the cache yet.
  public let downloadSize: Int64
  /// The bytes that the node's content grows by, as the packages say; negative when it shrinks.
  public let installSize: Int64
  /// Packages among those removed that no node can do without.
  public let essential: [String]
  /// Packages with a newer version that stay as they are; empty where nobody asked.
  public let notUpgraded: [String]
  /// Those of them that an upgrade should have brought to it.
  public let keptBack: [String]
  /// What was asked for by name.
  package let requested: Set<String>

  /// Whether there is nothing to do.
  public var isEmpty: Bool { steps.isEmpty && marks.isEmpty }

  /// The steps of some kinds.
  public func steps(_ kinds: PackageStep.Kind...) -> [PackageStep] { steps.filter { kinds.contains($0.kind) } }

  /// New packages that come only because others need them.
  public var extra: [PackageStep] { steps(.install).filter { $0.isAutomatic && !requested.contains($0.name) } }

  /// Refuses what `options` do not allow.
  func requireAllowed(by options: PackageOptions) throws(AstError) {
    if !essential.isEmpty, !options.allowsRemovingEssential {
      throw AstError(
        .refused,
        "this would remove \(essential.joined(separator: ", ")), which no system can do without",
        state: .unchanged, hint: "if you mean it, say `--allow-remove-essential`")
    }
    guard let limit = options.removalLimit else { return }
    let removals = steps(.remove, .purge).map(\.name).filter { !requested.contains($0) }
    guard removals.count <= limit else {
      throw AstError(
        .refused,
        "this would remove \(removals.count) packages (\(removals.joined(separator: ", "))), more than \(limit)",
        state: .unchanged, hint: "look at it with `--simulate`, or allow more with `--max-removals`")
    }
  }
}
