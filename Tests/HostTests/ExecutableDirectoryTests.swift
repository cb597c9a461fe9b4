import SystemPackage
import TestSupport
import Testing

@testable import Host

@Suite("Directories of programs", .requiresRoot)
struct ExecutableDirectoryTests {
  @Test func programsAreChosenAsRunPartsChoosesThem() throws {
    let path = try LoopBtrfs.shared.newDirectory()
    let script = """
      touch 10-a B_2 50+x c.sh d~ .hidden 'e f' plain ü
      chmod +x 10-a B_2 50+x c.sh d~ .hidden 'e f' ü
      mkdir directory
      ln -s 10-a link
      ln -s missing dangling
      """
    try runSuccessfully(["sh", "-euc", script], in: path)
    let expected: [FilePath] = ["10-a", "B_2", "link"].map { path.appending($0) }
    #expect(ExecutableDirectory(path).programs == expected)
    #expect(ExecutableDirectory(path.appending("missing")).programs.isEmpty)
    let listed = try runSuccessfully(["run-parts", "--test", path.string], in: path)
    #expect(listed == expected.map { "\($0)\n" }.joined())
  }
}
