import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The limits in the settings, for a program in a node.
@Suite("Limits", .requiresRoot) struct NodeLimitTests {
  /// Starts so many processes, or fails.
  private static let bomb = "n=0; while [ $n -lt 600 ]; do sleep 600 & n=$((n + 1)); done"

  private static let isLimitedPerNamespace: Bool = {
    var kernel = utsname()
    uname(&kernel)
    let release = withUnsafeBytes(of: &kernel.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    return !numbers.lexicographicallyPrecedes([6, 14])
  }()

  @Test(.enabled(if: isLimitedPerNamespace, "needs Linux 6.14, where no control groups are needed"))
  func aForkBombEndsAtTheSetting() throws {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    let settings = try TestSettings.file()
    func run(_ setting: String) throws -> CommandResult {
      try Data(setting.utf8).write(to: URL(filePath: settings.string))
      return try store.ast(["run", "1", "sh", "-c", Self.bomb], environment: ["AST_CONFIG": settings.string])
    }
    let limited = try run("limits.tasks-max = 100")
    #expect(limited.status == 2)
    #expect(limited.stderr.contains("Cannot fork"), "\(limited)")
    #expect(limited.stderr.contains("exit status 2; changes discarded"), "\(limited)")
    try run("limits.tasks-max = \"infinity\"").expectSuccess()
    try run("").expectSuccess()
  }
}
