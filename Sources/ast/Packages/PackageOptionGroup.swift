import ArgumentParser
import FoundationEssentials
import Packages

/// The options of the verbs that change packages.
struct PackageOptionGroup: ParsableArguments {
  @Flag(name: [.customShort("n"), .customLong("simulate")], help: "Show what would be done, and do nothing.")
  var simulate = false

  @Flag(inversion: .prefixedNo, help: "Fetch the package indices first, or use the present ones.")
  var refresh: Bool?

  @Flag(
    name: .customLong("allow-remove-essential"), help: "Allow the removal of essential packages.")
  var allowsRemovingEssential = false

  @Flag(
    name: .customLong("allow-change-held-packages"), help: "Allow the change and the removal of packages on hold.")
  var changesHeld = false

  @Option(
    name: .customLong("max-removals"),
    help: ArgumentHelp(
      "Refuse to remove more packages than this that were not named (default: 10 without a terminal or `-y`).",
      valueName: "count"))
  var removalLimit: Int?

  @Flag(name: .customLong("auto-remove"), help: "Also remove packages that are not needed any more.")
  var removesUnneeded = false

  /// How many packages an unattended upgrade may remove: enough for packages that are replaced, not for a desktop.
  static let unattendedRemovals = 10

  func validate() throws {
    guard removalLimit ?? 0 >= 0 else { throw ValidationError("a count cannot be \(removalLimit ?? 0)") }
  }

  /// The options for `Packages`. Only a few packages may be removed if the user neither is asked nor said yes.
  ///
  /// - Parameter usual: what happens to the indices without an option.
  func options(refreshing usual: PackageOptions.Refresh, _ global: GlobalOptions) -> PackageOptions {
    var options = PackageOptions()
    options.refresh = refresh.map { $0 ? .since(Date()) : .never } ?? usual
    options.allowsRemovingEssential = allowsRemovingEssential
    options.changesHeld = changesHeld
    options.removalLimit = removalLimit ?? (global.yes || Confirmation.isAsked(global) ? nil : Self.unattendedRemovals)
    options.removesUnneeded = removesUnneeded
    return options
  }
}

/// The option of the verbs that upgrade.
struct UpgradeOptionGroup: ParsableArguments {
  @Flag(help: "Upgrade only to security updates.") var security = false

  /// Refuses an option that contradicts it.
  func validate(with packages: PackageOptionGroup) throws {
    guard !security || !packages.removesUnneeded else {
      throw ValidationError("--security removes nothing: it excludes --auto-remove")
    }
  }
}
