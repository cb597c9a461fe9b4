import SystemPackage
import TestSupport

/// All that a command could change in a store: two of them are equal when nothing was changed.
struct StoreState: Equatable {
  /// Every row of the database.
  let rows: String
  /// Every subvolume with its UUID.
  let subvolumes: String
  /// Every name outside the subvolumes, with modes and link destinations; lock files do not count.
  let names: String
}

extension TestStore {
  /// The database file.
  var database: FilePath { root.appending("ast/tree.sqlite") }

  /// What the store is now.
  func state() throws -> StoreState {
    StoreState(
      rows: try runSuccessfully(["sqlite3", "-readonly", database.string, ".dump"]), subvolumes: try subvolumes(),
      names: try names())
  }

  /// The subvolumes in the store, as `btrfs subvolume list` has them without what changes by itself.
  func subvolumes() throws -> String {
    try runSuccessfully(["btrfs", "subvolume", "list", "-o", "-u", "--sort=path", root.string])
      .split(separator: "\n").map { $0.split(separator: " ").dropFirst(6).joined(separator: " ") }
      .joined(separator: "\n")
  }

  /// The names in the store, outside the subvolumes.
  func names() throws -> String {
    try runSuccessfully([
      "find", root.string, "-xdev", "-path", "\(root)/ast/lock", "-prune", "-o", "-printf", "%P %y %m %l\\n",
    ]).split(separator: "\n").sorted().joined(separator: "\n")
  }

  /// Runs `ast` as the user nobody.
  func astAsNobody(_ arguments: [String]) throws -> CommandResult {
    try run(
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AstBinary.path.string] + arguments,
      environment: plainEnvironment.merging(["AST_STORE": root.string]) { $1 })
  }
}
