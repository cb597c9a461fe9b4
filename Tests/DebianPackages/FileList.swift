import SystemPackage
import TestSupport

/// The files of a root file system: kind, permissions, path and target of each.
struct FileList {
  private let lines: Set<String>

  /// Lists a root.
  ///
  /// Not listed are caches, logs and what apt has fetched. The state of packages, which a node has in
  /// `/usr/lib/sysimage`, is listed where a plain Debian has it.
  init(of root: FilePath) throws {
    let left = ["dev", "proc", "sys", "run", "tmp", "var/tmp", "var/cache", "var/log", "var/lib/apt"]
    let prune = left.flatMap { ["-path", "./\($0)/*", "-o"] }.dropLast()
    let text = try runSuccessfully(
      ["find", ".", "-mindepth", "1", "("] + prune + [")", "-prune", "-o", "-printf", "%y %m %P %l\\n"], in: root)
    let all = text.split(separator: "\n").map { String($0).replacing(" usr/lib/sysimage/", with: " var/lib/") }
    lines = Set(
      all.filter { line in
        !Self.own.contains { line.contains(" \($0)") } && !Self.random.contains { line.contains($0) }
      })
  }

  /// What only nodes have there: parts of caches and of /var/lib/apt, and the records of ast.
  private static let own = ["var/lib/debconf", "var/lib/apt/", "var/lib/ast"]

  /// Parts of names that are others each time.
  private static let random = ["/.git/objects/"]

  /// What one way has done to the files and the other one has not.
  ///
  /// - Parameters:
  ///   - now: the files afterwards, in a node and in a plain Debian.
  ///   - before: the files before, in the same.
  static func differences(now: (node: FileList, plain: FileList), before: (node: FileList, plain: FileList)) -> [String]
  {
    let here = now.node.lines.subtracting(now.plain.lines).subtracting(
      before.node.lines.subtracting(before.plain.lines))
    let there = now.plain.lines.subtracting(now.node.lines).subtracting(
      before.plain.lines.subtracting(before.node.lines))
    return here.sorted().map { "only in the node: \($0)" } + there.sorted().map { "not in the node: \($0)" }
  }
}
