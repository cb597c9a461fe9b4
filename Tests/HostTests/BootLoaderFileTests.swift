import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Host

/// What stays when the power goes is tested in CrashStateTests.
@Suite("A file that a boot loader reads", .serialized, .requiresRoot)
struct BootLoaderFileTests {
  /// Runs `body` in a directory on btrfs, and then in one on ext4.
  private func onEach(_ body: (FilePath) throws -> Void) throws {
    try body(try LoopBtrfs.shared.newDirectory())
    try onExt4(body)
  }

  private func onExt4(_ body: (FilePath) throws -> Void) throws {
    let scratch = try LoopBtrfs.shared.newDirectory()
    let (image, mountPoint) = (scratch.appending("image"), scratch.appending("mount"))
    try runSuccessfully(["truncate", "-s", "8M", image.string])
    try runSuccessfully(["mkfs.ext4", "-q", image.string])
    try Files.makeDirectory(mountPoint)
    try runSuccessfully(["mount", "-o", "loop", image.string, mountPoint.string])
    defer { umount(mountPoint.string) }
    try body(mountPoint)
  }

  private func replace(_ file: FilePath, with text: String) throws {
    try BootLoaderFile(file).replace(with: text.utf8) { Issue.record("a warning: \($0)") }
  }

  private func names(in directory: FilePath) throws -> [String] {
    try Files.names(in: directory).filter { $0 != "lost+found" }.sorted()
  }

  @Test func aFileIsMadeAndReplacedAndNothingElseStays() throws {
    try onEach { directory in
      let file = directory.appending("grub.cfg")
      try replace(file, with: "one")
      #expect(try Files.text(of: file) == "one")
      try replace(file, with: "two, longer")
      #expect(try Files.text(of: file) == "two, longer")
      #expect(try names(in: directory) == ["grub.cfg"])
    }
  }

  @Test func aFileKeepsItsPermissionsAndANewOneIsReadable() throws {
    try onEach { directory in
      let file = directory.appending("grub.cfg")
      try replace(file, with: "one")
      #expect(try runSuccessfully(["stat", "-c", "%a", file.string]) == "644\n")
      try Files.setMode(file, 0o600)
      try replace(file, with: "with a password")
      #expect(try runSuccessfully(["stat", "-c", "%a", file.string]) == "600\n")
    }
  }

  @Test func whatAPowerCutLeftIsRemoved() throws {
    try onEach { directory in
      try Files.write("old".utf8, to: directory.appending("grub.cfg"))
      try Files.write("half".utf8, to: directory.appending("grub.cfg.ast-new"))
      try replace(directory.appending("grub.cfg"), with: "new")
      #expect(try Files.text(of: directory.appending("grub.cfg")) == "new")
      #expect(try names(in: directory) == ["grub.cfg"])
    }
  }

  @Test func whatIsNotAFileStaysAndIsNotReplaced() throws {
    try onEach { directory in
      let (taken, other) = (directory.appending("grub.cfg"), directory.appending("other.cfg"))
      try Files.makeDirectory(taken)
      let error = #expect(throws: AstError.self) { try replace(taken, with: "x") }
      #expect(error?.message == "\(taken) is not a file; nothing was changed")
      #expect(error?.exitStatus == 5)
      try Files.makeLink(directory.appending("other.cfg.ast-new"), to: "grub.cfg")
      try replace(other, with: "x")
      #expect(try names(in: directory) == ["grub.cfg", "other.cfg", "other.cfg.ast-new"])
    }
  }

  @Test func aFullFileSystemKeepsTheOldFile() throws {
    try onExt4 { directory in
      let file = directory.appending("grubx64.efi")
      try replace(file, with: "old")
      let large = String(repeating: "x", count: 10 << 20)
      let error = #expect(throws: AstError.self) { try replace(file, with: large) }
      #expect(error?.message == "no space left for \(file); nothing was changed")
      #expect(error?.exitStatus == 7)
      #expect(try Files.text(of: file) == "old")
      #expect(try names(in: directory) == ["grubx64.efi"])
    }
  }

  @Test func aReadOnlyFileSystemIsNamed() throws {
    try onExt4 { directory in
      try runSuccessfully(["mount", "-o", "remount,ro", directory.string])
      let error = #expect(throws: AstError.self) { try replace(directory.appending("a"), with: "x") }
      #expect(error?.message == "cannot write \(directory)/a.ast-new: Read-only file system; nothing was changed")
    }
  }
}
