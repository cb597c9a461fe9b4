import Etc
import FileTrees
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// Random trees: the disk must show the decisions of the merge afterwards.
@Suite("Merging any /etc", .requiresRoot)
struct MergeEtcPropertyTests {
  @Test(arguments: 1...30) func eachDecisionIsCarriedOut(seed: UInt64) throws {
    var random = Random(state: seed)
    let trees = try EtcTrees(
      pristine: Self.script(12, &random), live: Self.script(6, &random), new: Self.script(6, &random))
    let sources = try EtcTree.read([trees.pristine, trees.live, trees.new])
    let plan = EtcPlan(
      pristine: sources[0].node, live: sources[1].node, new: sources[2].node, accounts: AccountFiles())
    try trees.merge()
    let result = try EtcTree.read([trees.staged, trees.live, trees.new]).map(\.node)
    let (staged, live, new) = (result[0], result[1], result[2])
    for decision in plan.decisions {
      let path = decision.path
      switch decision.verdict {
      case .keep: #expect(staged.top(path) == new.top(path), "\(path)")
      case .take: #expect(staged.top(path) == live.top(path), "\(path)")
      case .remove: #expect(staged[path] == nil, "\(path)")
      case .merge: #expect(staged.top(path)?.isOneOf(live.top(path), new.top(path)) == true, "\(path)")
      case .conflict where decision.aside == nil:
        #expect((staged[path] == nil) == (live[path] == nil), "\(path)")
      case .conflict:
        #expect(staged.top(path) == live.top(path), "\(path)")
        let aside = try #require(decision.aside)
        // Contents at two paths cannot be compared like this.
        #expect(staged[aside]?.attributes == new[path]?.attributes, "\(path)")
      }
    }
    // The next deployment of the same generation has nothing more to do.
    let again = try MergeEtc(from: EtcSource(root: trees.staged, pristine: trees.new), generation: trees.staged)
    #expect(again.isEmpty)
  }

  /// Changes of a few paths, some of which are in each other's way.
  private static func script(_ count: Int, _ random: inout Random) -> String {
    (0..<count).map { _ in
      let path =
        ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/b", "f", "f/a"].randomElement(using: &random) ?? "a"
      let content = ["x", "y", "z"].randomElement(using: &random) ?? "x"
      let change = [
        "echo \(content) >'\(path)'", "echo \(content) >'\(path)'", "rm -rf '\(path)'; mkdir '\(path)'",
        "rm -rf '\(path)'; ln -s \(content) '\(path)'", "rm -rf '\(path)'; mkfifo '\(path)'", "rm -rf '\(path)'",
        "chmod 6\(Int.random(in: 0...7, using: &random))0 '\(path)'",
        "chown \(Int.random(in: 0...2, using: &random)) '\(path)'",
        "xattr '\(path)' trusted.x 0\(Int.random(in: 0...2, using: &random))",
      ].randomElement(using: &random)
      return "{ test -p '\(path)' || test -L '\(path)' || { \(change ?? "true"); }; } 2>/dev/null || true"
    }.joined(separator: "\n")
  }
}

extension FileNode {
  /// The file at a path, without the contents of a directory.
  fileprivate func top(_ path: FilePath) -> FileNode? {
    guard var node = self[path] else { return nil }
    if node.children != nil { node.content = .directory([:]) }
    return node
  }

  fileprivate func isOneOf(_ one: FileNode?, _ other: FileNode?) -> Bool {
    content == one?.content || content == other?.content
  }
}

/// The same numbers for the same seed (SplitMix64).
private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
