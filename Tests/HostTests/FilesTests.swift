import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Host

@Suite("Calls on files", .requiresRoot)
struct FilesTests {
  private let path: FilePath

  init() throws { path = try LoopBtrfs.shared.newDirectory() }

  @Test func failuresNameTheActionAndThePath() throws {
    let missing = path.appending("no/such")
    let failures: [(String, () throws -> Void)] = [
      ("rename \(missing) to \(path)/new", { try Files.rename(missing, to: path.appending("new")) }),
      ("make the directory \(missing)", { try Files.makeDirectory(missing) }),
      ("make the directory \(missing)", { try Files.ensureDirectory(missing) }),
      ("make the link \(missing)", { try Files.makeLink(missing, to: "x") }),
      ("remove \(missing)", { try Files.removeFile(missing) }),
      ("remove the directory \(missing)", { try Files.removeDirectory(missing) }),
      ("set the permissions of \(missing)", { try Files.setMode(missing, 0o644) }),
      ("list \(missing)", { _ = try Files.names(in: missing) }),
      ("read \(missing)", { _ = try Files.contents(of: missing) }),
      ("write \(missing)", { try Files.write([1], to: missing) }),
      ("sync \(missing)", { try Files.sync(missing) }),
    ]
    for (action, call) in failures {
      let error = #expect(throws: FileError.self) { try call() }
      #expect(error?.description == "cannot \(action): No such file or directory")
      #expect(error?.errno == .noSuchFileOrDirectory)
      let failure = error.map { AstError($0) }
      #expect(failure?.code == .failed)
      #expect(failure?.message == "cannot \(action): No such file or directory")
    }
  }

  @Test func fullDiskIsStillNoSpace() throws {
    let error = #expect(throws: FileError.self) { try Files.write([1], to: "/dev/full") }
    #expect(error?.errno == .noSpace)
    let failure = error.map { AstError($0) }
    #expect(failure?.code == .noSpace)
    #expect(failure?.message.contains("cannot write /dev/full: No space left on device") == true)
  }

  @Test func whatIsPresentOrMissingCanBeAllowed() throws {
    let (file, inner) = (path.appending("file"), path.appending("a/b"))
    try Files.removeFileIfPresent(file)
    try Files.removeDirectoryIfPresent(inner)
    try Files.ensureDirectories(inner)
    try Files.ensureDirectories(inner)
    #expect(throws: FileError("make the directory", inner, .fileExists)) { try Files.makeDirectory(inner) }
    try Files.removeDirectoryIfPresent(inner)
    #expect(try Files.names(in: path.appending("a")).isEmpty)
  }

  @Test func contentIsReplacedAndReadInFull() throws {
    let file = path.appending("file")
    let long = [UInt8](repeating: 7, count: 200_000)
    try Files.write(long, to: file)
    #expect(try Array(Files.contents(of: file)) == long)
    try Files.write("short".utf8, to: file)
    try Files.rename(file, to: path.appending("new"))
    #expect(try Files.text(of: path.appending("new")) == "short")
    #expect(try Files.names(in: path) == ["new"])
    #expect(try Files.text(of: "/proc/self/mountinfo").contains(" / "))
  }
}
