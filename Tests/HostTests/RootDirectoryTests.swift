import FileTrees
import FoundationEssentials
import Glibc
import Host
import SystemPackage
import TestSupport
import Testing

/// Files of an untrusted root.
@Suite(.requiresRoot) struct RootDirectoryTests {
  let directory: FilePath
  let root: RootDirectory

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    root = RootDirectory(directory)
  }

  /// The kernel gives up on ".." when a name anywhere on the machine changes meanwhile (openat2(2), EAGAIN).
  @Test func renamesElsewhereOnTheMachineDoNotDisturb() throws {
    try runSuccessfully(
      ["sh", "-euc", "mkdir -p a/b/c; echo text >file; ln -s ../../../../../../../../../file a/b/c/link"], in: directory
    )
    let place = try LoopBtrfs.shared.newDirectory()
    let script = "chdir shift; mkdir 'x'; $| = 1; print qq(ready\\n); while (1) { rename 'x', 'y'; rename 'y', 'x' }"
    let renaming = try PseudoTerminal(["perl", "-e", script, place.string])
    try renaming.expect("ready")
    for _ in 0..<20_000 {
      #expect(try root.contents(of: "a/b/c/link").map { Array($0) } == Array("text\n".utf8))
    }
    #expect(kill(renaming.process, 0) == 0)
  }

  /// An open file would keep the root from being unmounted.
  @Test func askingWhetherThereIsAFileOpensNoneForLong() throws {
    try runSuccessfully(["sh", "-euc", "echo text >file; ln -s file link; mkdir directory"], in: directory)
    #expect(try root.hasFile("file"))
    for other: FilePath in ["link", "directory", "nothing"] { #expect(try !root.hasFile(other)) }
    #expect(try openFilesBelow(directory) == [])
    let file = try FileDescriptor.open(directory.appending("file"), .readOnly)
    #expect(try openFilesBelow(directory) == ["\(directory)/file"])
    try file.close()
  }

  private func openFilesBelow(_ directory: FilePath) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
    }
    .filter { $0.hasPrefix("\(directory)/") }
  }

  /// Nothing is left of what could not be put in its place.
  @Test func whatCannotBeWrittenLeavesNothing() throws {
    try runSuccessfully(["mkdir", "-p", "taken/below"], in: directory)
    #expect(throws: FileError.self) { try root.write(Data("text".utf8), to: "taken") }
    #expect(throws: FileError.self) { _ = try root.installLink(to: "target", at: "taken") }
    #expect(throws: FileError.self) { _ = try root.install(Data("text".utf8), mode: 0o644, at: "taken") }
    let open = try OpenDirectory(directory)
    #expect(throws: (any Error).self) {
      try open.replace("taken", FileAttributes(mode: 0o644)) { name in
        try runSuccessfully(["touch", "\(directory)/\(name)"])
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.string) == ["taken"])
  }

  @Test func onlyRegularFilesAreRead() throws {
    try runSuccessfully(
      ["sh", "-euc", "mkfifo fifo; mknod device c 4000 0; mkdir directory; ln -s missing dangling; : >empty"],
      in: directory)
    for name in ["fifo", "device", "directory", "dangling", "missing", "empty/below"] {
      #expect(try root.contents(of: FilePath(name)) == nil, "\(name)")
    }
    #expect(try root.contents(of: "empty")?.isEmpty == true)
  }

  @Test func onlyRegularFilesAreOpenedAndNoLinksToThem() throws {
    try runSuccessfully(
      [
        "sh", "-euc",
        "mkdir d; echo text >d/file; ln -s d below; ln -s /d absolute; ln -s file d/link; ln -s /etc out; mkfifo d/fifo",
      ], in: directory)
    for name in ["d/file", "below/file", "absolute/file", "../d/file"] {
      let file = try #require(try root.openFile(FilePath(name)), "\(name)")
      #expect(file.size == 5)
      try file.descriptor.close()
    }
    for name in ["d/link", "d/fifo", "d", "missing", "out/passwd", "below"] {
      #expect(try root.openFile(FilePath(name)) == nil, "\(name)")
    }
  }

  @Test func hugeFileIsAnError() throws {
    try runSuccessfully(["truncate", "--size=4T", "huge"], in: directory)
    #expect(throws: FileError("read", directory.appending("huge"), .fileTooLarge)) { try root.contents(of: "huge") }
  }
}
