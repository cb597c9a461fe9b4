import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Cuts the power while a file is replaced that GRUB reads from an ext4. GRUB does not replay the journal, so what it
/// sees is read from the disk as it is, and not from a mounted file system.
@Suite(.serialized, .requiresLoggedDisk) struct BootLoaderFilePowerCutTests {
  private static let replacements = 12
  private static let size = 9000

  /// The share of the states of both kinds in which GRUB does not read the whole old or the whole new file.
  private func states(replacingWith replace: String) throws -> (bad: Int, all: Int) {
    var scenario = Scenario(
      name: "a file on ext4", size: 24 << 20,
      prepare: { top in
        try runSuccessfully(["sh", "-euc", "mkdir ast; \(Self.content(0)) >ast/menu.cfg; sync -f ast"], in: top)
      },
      commands: { _ in
        (1...Self.replacements).map { ["sh", "-euc", "cd ast; \(Self.content($0)) | { \(replace); }"] }
      }, check: { _ in [] })
    scenario.fileSystem = "ext4"
    let scratch = try ScratchDirectory(for: 5 * scenario.size)
    defer { scratch.remove() }
    let recording = try Recording(of: scenario, in: scratch)
    var (bad, all) = (0, 0)
    for cut in [PowerCut.prefix, .subset] {
      for seed in 1...(cut == .subset ? 4 : 1) as ClosedRange<UInt64> {
        let points = CrashPoint.all(in: recording.log, marks: recording.marks, cut: cut, seed: seed, limit: 200).points
        let states = try CrashStates(of: recording, in: scratch)
        for point in points {
          let disk = try states.disk(at: point)
          all += 1
          if try !isWhole(disk.path, returned: point.returned) { bad += 1 }
        }
      }
    }
    print("power cut: \(replace.prefix(40)): \(bad) bad of \(all) states")
    return (bad, all)
  }

  private static func content(_ generation: Int) -> String { "{ yes 'generation \(generation)' | head -c \(size); }" }

  private func isWhole(_ disk: FilePath, returned: Int) throws -> Bool {
    let read = try run(["grub-fstest", disk.string, "cat", "/ast/menu.cfg"])
    guard read.status == 0, read.stdout.utf8.count == Self.size else { return false }
    let lines = Set(read.stdout.split(separator: "\n").dropLast())
    let wanted = [returned, returned + 1].map { "generation \($0)" }
    return lines.count == 1 && lines.allSatisfy { wanted.contains(String($0)) }
  }

  @Test func grubReadsTheOldOrTheNewFile() throws {
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = FilePath(executable).removingLastComponent().appending("replace-boot-file")
    let (bad, all) = try states(replacingWith: "\(program) \"$PWD/menu.cfg\"")
    #expect(bad == 0 && all > 50)
  }

  @Test func aRenameLeavesAnEmptyFileInSomeStates() throws {
    let rename = "cat >menu.new; sync -f .; mv menu.new menu.cfg; sync -f ."
    #expect(try states(replacingWith: rename).bad > 0)
  }

  /// As with kernels whose FAT cannot do it: nothing is changed, and the new file does not stay.
  @Test func withoutExchangeNothingIsReplaced() throws {
    let scratch = try ScratchDirectory(for: 0)
    defer { scratch.remove() }
    let library = scratch.file("no-exchange.so")
    let source = """
      #include <errno.h>
      int renameat2(int a, const char *b, int c, const char *d, unsigned flags) { errno = EINVAL; return -1; }
      """
    try runSuccessfully(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library.string], input: source)
    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = FilePath(executable).removingLastComponent().appending("replace-boot-file")
    let file = scratch.file("grubx64.efi")
    try runSuccessfully(["sh", "-c", "echo old >\"$1\"", "sh", file.string])
    let result = try run(
      [program.string, file.string], environment: plainEnvironment.merging(["LD_PRELOAD": library.string]) { $1 },
      input: "new\n")
    #expect(result.status == 5)
    #expect(
      result.stderr == "\(file) cannot be replaced safely: the kernel cannot exchange two names on its file system; "
        + "nothing was changed\n")
    #expect(try runSuccessfully(["cat", file.string]) == "old\n")
    #expect(try run(["ls", "\(file).ast-new"]).status != 0)
  }
}
