import SystemPackage

/// What of a path in a generation's /var is added to the shared one.
enum SeedRule {
  /// Nothing.
  case none
  /// It, and what the rule for what is in it says.
  case all
  /// It, and if it is a directory, not what is in it.
  case itself
  /// Everything but regular files.
  case noFiles
  /// Of regular files only that they are there, for a daemon may not be allowed to make its own; all else.
  case emptyFiles

  /// The exceptions; each is about what is below it, too, unless there is another for that.
  private static let exceptions: [FilePath: SeedRule] = [
    // Volatile: emptied by age, or at each boot (file-hierarchy(7)). Two are links to /run.
    "tmp": .itself, "run": .itself, "lock": .itself,
    // What apt fetches is shared by other means.
    "cache/apt": .noFiles, "lib/apt/lists": .noFiles,
    // Each machine writes its own, into what packages prepared. An empty journal is a damaged one.
    "log": .emptyFiles, "log/journal": .itself,
    // What makes this machine another one than its siblings: secrets of systemd-random-seed(8), systemd-creds(1) and
    // NetworkManager, the id of dbus-uuidgen(1).
    "lib/systemd/random-seed": .none, "lib/systemd/credential.secret": .none, "lib/NetworkManager/secret_key": .none,
    "lib/dbus/machine-id": .noFiles,
    // The name is taken.
    SeedWalk.workshop: .none,
  ]

  /// The rule for a path below /var.
  static func of(_ path: FilePath) -> SeedRule {
    if let rule = exceptions[path] { return rule }
    let above = path.removingLastComponent()
    guard !above.isEmpty else { return .all }
    let rule = of(above)
    return rule == .itself ? .none : rule
  }
}
