import Glibc
import SystemPackage

/// A store of its own for a test, driven through the program as a user would.
public struct TestStore: Sendable {
  /// The store's directory.
  public let root: FilePath
  /// What it is on, which is to be there as long as the store.
  public var ground: (any AnyObject & Sendable)?

  /// A store with a tiny base (node 0), on the file system all tests share unless another directory is given.
  public init(at directory: FilePath? = nil) throws {
    root = try directory ?? LoopBtrfs.shared.newDirectory()
    try ast("init", "--directory", try TinyRoot.path.string).expectSuccess()
  }

  /// A store that is there already.
  public init(existing root: FilePath) { self.root = root }

  /// Runs `ast` with these arguments on this store, without a terminal.
  @discardableResult
  public func ast(
    _ arguments: String..., input: String = "", environment: [String: String] = [:]
  ) throws -> CommandResult {
    try ast(arguments, input: input, environment: environment)
  }

  /// Runs `ast` with these arguments on this store, without a terminal.
  public func ast(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> CommandResult {
    let variables = ["AST_STORE": root.string].merging(environment) { $1 }
    return try run(
      [AstBinary.path.string] + arguments, environment: plainEnvironment.merging(variables) { $1 }, input: input)
  }

  /// Where the current content of a node is.
  public func content(of node: Int) throws -> FilePath {
    let link = root.appending("rootfs/snapshot-\(node)")
    return FilePath(try runSuccessfully(["realpath", link.string]).split(separator: "\n").joined())
  }

  /// A checksum over a directory: names, kinds, modes, owners, link targets and contents. Times do not count.
  public static func checksum(of directory: FilePath) throws -> String {
    let script = """
      cd "$1" && { find . -mindepth 1 -printf '%y %m %U:%G %l %P\\n' | LC_ALL=C sort; \
      find . -type f -print0 | LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum; } | sha256sum
      """
    return try runSuccessfully(["sh", "-c", script, "sh", directory.string])
  }
}

extension CommandResult {
  /// Itself, when the command exited with 0.
  ///
  /// - Throws: `CommandFailure`.
  @discardableResult
  public func expectSuccess() throws -> CommandResult {
    guard status == 0 else { throw CommandFailure(argv: ["ast"], result: self) }
    return self
  }
}
