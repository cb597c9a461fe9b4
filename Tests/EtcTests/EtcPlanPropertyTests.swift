import Etc
import FileTrees
import SystemPackage
import TestSupport
import Testing

/// Trees with random edits on both sides, of files whose places stay files: there each path is decided by itself.
@Suite struct EtcPlanPropertyTests {
  private static let paths: [FilePath] = ["a", "b", "c/a", "c/b", "c/d/a", "c/d/b", "e/a", "e/b", "g/h/i/j", "k"]
  private static let files: [TestFile] = [
    "1", "2", .init("1", 0o600), .init("1", 0o640), .init("2", owner: 3), .link("1"),
  ]

  private static func edited(_ tree: Tree, _ random: inout SeededGenerator) -> Tree {
    var tree = tree
    for path in paths where Int.random(in: 0..<3, using: &random) == 0 {
      tree[path] = Bool.random(using: &random) ? files.randomElement(using: &random) : nil
    }
    return tree
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func nothingIsLost(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let old = Self.edited(Self.edited([:], &random), &random)
    let sides = (live: Self.edited(old, &random), new: Self.edited(old, &random))
    let (pristine, live, new) = (etc(old), etc(sides.live), etc(sides.new))
    let plan = EtcPlan(pristine: pristine, live: live, new: new, accounts: AccountFiles())
    let result = try #require(plan.applied(to: new, live: live, new: new))
    #expect(plan.applied(to: result, live: live, new: new) == result, "steps done again change nothing")

    let conflicts = Dictionary(uniqueKeysWithValues: plan.conflicts.map { ($0.path, $0) })
    let merged = result.tree
    for path in Self.paths {
      let (before, here, there) = (old[path], sides.live[path], sides.new[path])
      if here == before || here == there {
        #expect(merged[path] == there)
        #expect(conflicts[path] == nil)
      } else if there == before {
        #expect(merged[path] == here)
        #expect(conflicts[path] == nil)
      } else if let conflict = conflicts[path] {
        if conflict.reason == .attributesOnBoth {
          #expect(merged[path]?.content == (here?.content == before?.content ? there : here)?.content)
        } else {
          #expect(merged[path] == here)
          #expect(conflict.aside.map { merged[$0] == there } ?? (there == nil))
        }
      } else {
        #expect(here != nil && there != nil, "only what is on both sides can be merged")
      }
    }
    let expected = Set(Self.paths).union(plan.conflicts.compactMap(\.aside))
    #expect(merged.allSatisfy { expected.contains($0.key) || $0.value.content == .directory([:]) })

    let again = EtcPlan(pristine: new, live: result, new: new, accounts: AccountFiles())
    #expect(again.conflicts.isEmpty, "the same generation once more brings nothing up again")
    #expect(again.applied(to: new, live: result, new: new) == result)
  }

  /// Places where one side has a file and the other one a directory: whatever comes, each step can be carried out, and
  /// what was written here is still there.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func filesAndDirectoriesChangePlaces(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let places: [FilePath] = ["a", "a/a", "a/b", "a/b/c", "d", "d/a", "d/a/b", "d/a/b/c"]
    func tree() -> FileNode {
      var tree = etc([:])
      for path in places where Bool.random(using: &random) {
        let file = Self.files.randomElement(using: &random) ?? "1"
        if tree[path] == nil { tree.set(path.components[...], FileNode(file.content, file.attributes)) }
      }
      return tree
    }
    let (pristine, live, new) = (tree(), tree(), tree())
    let plan = EtcPlan(pristine: pristine, live: live, new: new, accounts: AccountFiles())
    let result = try #require(plan.applied(to: new, live: live, new: new))
    #expect(plan.applied(to: result, live: live, new: new) == result)
    let (old, merged) = (pristine.tree, result.tree)
    for (path, file) in live.tree where old[path]?.content != file.content && file.content != .directory([:]) {
      #expect(merged[path]?.content == file.content)
    }
    let again = EtcPlan(pristine: new, live: result, new: new, accounts: AccountFiles())
    #expect(again.conflicts.isEmpty)
    #expect(again.applied(to: new, live: result, new: new) == result)
  }
}
