import SystemPackage
import TestSupport

/// Everything that a command could change in a store. If nothing was changed, the states before and after are equal.
struct StoreState: Equatable {
  /// Every row of the database.
  let rows: String
  /// Every subvolume with its UUID.
  let subvolumes: String
  /// Every name outside the subvolumes, with modes and link destinations, except lock files.
  let names: String
}

extension TestStore {
  /// The present state of the store.
  func state() throws -> StoreState {
    StoreState(
      rows: try runSuccessfully(["sqlite3", "-readonly", database.string, ".dump"]), subvolumes: try subvolumes(),
      names: try names())
  }

  /// The subvolumes in the store from `btrfs subvolume list`, without the columns that change by themselves.
  func subvolumes() throws -> String {
    try runSuccessfully(["btrfs", "subvolume", "list", "-o", "-u", "--sort=path", root.string])
      .split(separator: "\n").map { $0.split(separator: " ").dropFirst(6).joined(separator: " ") }
      .joined(separator: "\n")
  }

  /// The names in the store, outside the subvolumes, but for those of what is only remembered.
  func names() throws -> String {
    try runSuccessfully([
      "find", root.string, "-xdev", "-path", "\(root)/ast/lock", "-prune", "-o", "-path", "\(root)/cache/apt/programs",
      "-prune", "-o", "-path", "\(root)/ast/lists", "-prune", "-o", "-path", "\(root)/ast/apps", "-prune", "-o",
      "-printf", "%P %y %m %l\\n",
    ]).split(separator: "\n").sorted().joined(separator: "\n")
  }

  /// Runs `ast` as the user nobody.
  func astAsNobody(_ arguments: [String]) throws -> CommandResult {
    try run(
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", AstBinary.path.string] + arguments,
      environment: plainEnvironment.merging(["AST_STORE": root.string]) { $1 })
  }
}
