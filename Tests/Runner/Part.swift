import TestSupport

/// What one process does: some tests of the bundle, or a command.
struct Part {
  /// What is done.
  enum Work {
    case tests([Test])
    /// A command line, run at the top of the checkout. It says "passed NAME" or "FAILED NAME" of each of its tests.
    case command([String])
  }

  /// How it is called in the table.
  let name: String
  /// What is done.
  let work: Work
  /// Whether nothing else may run meanwhile.
  var isAlone = false
  /// Whether the tests run the program that is built for debugging, even if `AST_BINARY` names another one.
  var isDebug = false
  /// About how long it takes, in seconds: those that take longest begin first.
  var seconds = 0
}

extension Part.Work {
  /// Boots machines with the program that is shipped (Tests/Boot).
  static func boots(_ arguments: String...) -> Self {
    .command(
      ["env", "AST_BINARY=\(Checkout.directory)/.build/ast-stripped", "\(Checkout.directory)/Tests/Boot/run"]
        + arguments)
  }
}
