import SystemPackage

/// The part of a path in a generation's /var that is added to the shared one.
enum SeedRule {
  /// Nothing.
  case none
  /// The file; for the contents of a directory, their own rules.
  case all
  /// The file; of a directory, not its contents.
  case itself
  /// Everything but regular files.
  case noFiles
  /// Everything, but regular files are made empty: a daemon may not be permitted to make its own.
  case emptyFiles

  /// The exceptions; each also applies below its path, unless there is another one for that.
  private static let exceptions: [FilePath: SeedRule] = [
    // Volatile: emptied by age, or at each boot (file-hierarchy(7)). Two are links to /run.
    "tmp": .itself, "run": .itself, "lock": .itself,
    // Files that apt fetches are shared by other means.
    "cache/apt": .noFiles, "lib/apt/lists": .noFiles,
    // Each machine writes its own logs, into files that packages prepared. An empty journal is a damaged one.
    "log": .emptyFiles, "log/journal": .itself,
    // Files that distinguish this machine from its siblings: secrets of systemd-random-seed(8), systemd-creds(1) and
    // NetworkManager, the id of dbus-uuidgen(1).
    "lib/systemd/random-seed": .none, "lib/systemd/credential.secret": .none, "lib/NetworkManager/secret_key": .none,
    "lib/dbus/machine-id": .noFiles,
    // SeedVar uses this name.
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
