import SystemPackage

/// Settings of ast for one test.
public enum TestSettings {
  /// The path of a file of settings, to be made, in a new directory. Beside it is what tests set in any case.
  public static func file() throws -> FilePath {
    let directory = try LoopBtrfs.shared.newDirectory()
    let common = Checkout.directory.appending("Tests/ast.toml").string
    try runSuccessfully(["install", "-D", "-m", "644", common, "ast.toml.d/tests.toml"], in: directory)
    return directory.appending("ast.toml")
  }
}
