import DebianFormats
import Host
import SnapshotTree

/// What a request would do to a node, found out without a change.
public struct PackagePlan: Sendable {
  /// The step of each package, by name.
  public let steps: [PackageStep]
  /// Packages that stay as they are, but count as asked for from now on and no longer as automatically installed.
  public let marks: [String]
  /// The files that apt needs for the steps.
  public let downloads: [PackageDownload]
  /// The size of the files that are not in the cache yet, in bytes.
  public let downloadSize: Int64
  /// The bytes by which the node's content grows, as the packages say; negative if it shrinks.
  public let installSize: Int64
  /// The packages among those removed that a system cannot do without.
  public let essential: [String]
  /// The packages among those changed or removed that are on hold.
  public let held: [String]
  /// Packages that have a newer version and stay as they are; empty if that was not asked for.
  public let notUpgraded: [String]
  /// The packages among them that an upgrade should have brought to it.
  public let keptBack: [String]
  /// Why they stay; empty unless security updates were asked for.
  public let reasons: [KeptBackPackage]
  /// Packages that an installation names and that are installed already, in the version that it would bring.
  public let present: [String]
  /// Packages that were installed automatically, that nothing needs after a removal, and that stay.
  public let unneeded: [String]
  /// The names of the packages that get a security update.
  public let securityUpdates: Set<String>
  /// Whether only security updates were asked for.
  public let isSecurityOnly: Bool
  /// The packages that the request names.
  package let requested: Set<String>

  /// Whether there is nothing to do.
  public var isEmpty: Bool { steps.isEmpty && marks.isEmpty }

  /// The steps of the given kinds.
  public func steps(_ kinds: PackageStep.Kind...) -> [PackageStep] { steps.filter { kinds.contains($0.kind) } }

  /// New packages that come only because others need them.
  public var extra: [PackageStep] { steps(.install).filter { $0.isAutomatic && !requested.contains($0.name) } }

  /// The packages that stay although they have a security update, and why, in words; nil if there are none.
  public var wordsAboutKeptBack: String? {
    reasons.isEmpty
      ? nil : "kept back: " + reasons.map { "\($0.name) \($0.version) (\($0.reason))" }.joined(separator: ", ")
  }

  /// The packages that are installed already, in words; nil if there are none.
  public var wordsAboutPresent: String? {
    present.isEmpty ? nil : "\(present.joined(separator: ", ")) \(present.count == 1 ? "is" : "are") already installed"
  }

  /// What else could be removed, and how, in words; nil if there is nothing.
  public var wordsAboutUnneeded: String? {
    guard !unneeded.isEmpty else { return nil }
    let (packages, them) = unneeded.count == 1 ? ("1 package", "it") : ("\(unneeded.count) packages", "them")
    return "nothing needs \(packages) any more, `--auto-remove` removes \(them) too"
  }

  /// Refuses a plan for a node that `options` do not allow.
  func requireAllowed(by options: PackageOptions, in node: NodeID) throws(AstError) {
    if !held.isEmpty, !options.changesHeld {
      let removed = Set(steps(.remove, .purge).map(\.name))
      throw AstError(
        .refused,
        "this would \(removed.isDisjoint(with: held) ? "change" : "remove") \(held.joined(separator: ", ")), on hold",
        state: .unchanged,
        hint: "`ast unhold \(node) \(held.joined(separator: " "))` ends the hold;"
          + " `--allow-change-held-packages` does it all the same")
    }
    if !essential.isEmpty, !options.allowsRemovingEssential {
      throw AstError(
        .refused,
        "this would remove \(essential.joined(separator: ", ")), which no system can do without",
        state: .unchanged, hint: "`--allow-remove-essential` allows it")
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
