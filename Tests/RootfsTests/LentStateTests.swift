import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// The package state while programs work in a clone, and afterwards.
@Suite("Lent package state", .requiresRoot)
struct LentStateTests {
  private let root: FilePath
  private let state: LentState

  /// A root with the state of two packages, as ast has made it.
  init() throws {
    root = try LoopBtrfs.shared.newDirectory()
    state = LentState(of: root)
    try shell(
      """
      mkdir -p var/lib/systemd usr/lib/sysimage/ucf usr/lib/sysimage/dkms usr/lib/sysimage/dpkg
      for name in ucf dkms dpkg; do ln -s ../../usr/lib/sysimage/$name var/lib/$name; echo $name >var/lib/$name/file; done
      chmod 700 usr/lib/sysimage/dkms
      touch -h -d 2001-01-01 var/lib var/lib/* usr/lib/sysimage usr/lib/sysimage/* usr/lib/sysimage/*/file
      """)
  }

  @discardableResult
  private func shell(_ script: String) throws -> [Substring] {
    try runSuccessfully(["sh", "-euc", script], in: root).split(separator: "\n")
  }

  /// Everything but access times.
  private func listing() throws -> [Substring] {
    try shell("find . -mindepth 1 -printf '%y %m %u %P %l %T+ ' -type f -exec cat {} ';' -o -printf '\\n' | sort")
  }

  private static let links = ["l var/lib/dkms", "l var/lib/dpkg", "l var/lib/ucf"]

  /// The kinds of the places, and what is in the homes.
  private func places() throws -> [Substring] {
    try shell("find var/lib/* usr/lib/sysimage/* -printf '%y %p\\n' | sort")
  }

  @Test func itIsADirectoryMeanwhileAndThenAsItWas() throws {
    let before = try listing()
    try state.lend()
    #expect(
      try shell("cd var/lib; find dkms ucf dpkg -maxdepth 0 -printf '%y %m %p\\n'; cat ucf/file dpkg/file") == [
        "d 700 dkms", "d 755 ucf", "l 777 dpkg", "ucf", "dpkg",
      ])
    try state.giveBack()
    #expect(try listing() == before)
    try state.giveBack()
    #expect(try listing() == before)
  }

  @Test func whatIsWrittenMeanwhileIsTheState() throws {
    try state.lend()
    try shell("echo new >var/lib/ucf/file; mkdir -m 750 var/lib/ucf/cache; rm var/lib/dkms/file")
    try state.giveBack()
    #expect(try shell("cd usr/lib/sysimage; cat ucf/file; stat -c %a ucf/cache; ls dkms") == ["new", "750"])
    #expect(try places().filter { $0.hasPrefix("l") } == Self.links.map { Substring($0) })
  }

  @Test(arguments: [
    "rm -r var/lib/ucf",
    "rm -r var/lib/ucf; mkdir var/lib/ucf",
    "rm -r var/lib/ucf usr/lib/sysimage/ucf; mkdir var/lib/ucf",
    "rm -r var/lib/ucf usr/lib/sysimage/ucf; mkdir var/lib/ucf usr/lib/sysimage/ucf; touch usr/lib/sysimage/ucf/lost",
  ])
  func removedStateIsEmptyAndTravelsWithTheRoot(removal: String) throws {
    try state.lend()
    try shell(removal)
    try state.giveBack()
    #expect(
      try shell("readlink var/lib/ucf; ls -A var/lib/ucf; stat -c %a var/lib/ucf/") == [
        "../../usr/lib/sysimage/ucf", "755",
      ])
    try state.lend()
    try shell("echo again >var/lib/ucf/file")
    try state.giveBack()
    #expect(
      try shell("cat usr/lib/sysimage/ucf/file; readlink var/lib/ucf") == ["again", "../../usr/lib/sysimage/ucf"])
  }

  /// As in a node whose package was removed and installed by an older ast.
  @Test func directoryInTheLinksPlaceBecomesTheState() throws {
    try shell("rm var/lib/ucf; mkdir var/lib/ucf; echo found >var/lib/ucf/file")
    try state.lend()
    try state.giveBack()
    #expect(
      try shell("cat usr/lib/sysimage/ucf/file; readlink var/lib/ucf") == ["found", "../../usr/lib/sysimage/ucf"])
  }

  @Test(arguments: ["rm var/lib/ucf", "ln -sfn /srv/ucf var/lib/ucf", "rm var/lib/ucf; touch var/lib/ucf"])
  func whatAstHasNotMadeStays(change: String) throws {
    try shell(change)
    let before = try places()
    try state.lend()
    try state.giveBack()
    #expect(try places() == before)
  }

  @Test func linkInTheStatesPlaceStays() throws {
    try state.lend()
    try shell("mkdir srv; mv var/lib/ucf srv; ln -s ../../srv/ucf var/lib/ucf")
    try state.giveBack()
    #expect(
      try shell("readlink var/lib/ucf; cat var/lib/ucf/file; ls usr/lib/sysimage") == [
        "../../srv/ucf", "ucf", "dkms", "dpkg",
      ])
  }

  @Test func protectedStateStays() throws {
    try shell("chattr +i usr/lib/sysimage/ucf")
    let before = try places()
    try state.lend()
    try shell("test -L var/lib/ucf; test ! -L var/lib/dkms")
    try state.giveBack()
    #expect(try places() == before)
    try shell("chattr -i usr/lib/sysimage/ucf")
  }

  @Test func linksAreNotFollowedOutOfIt() throws {
    let outside = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["mkdir", "-p", "lib/ucf"], in: outside)
    try shell("rm -r var; ln -s \(outside) var")
    try state.lend()
    try state.giveBack()
    #expect(try runSuccessfully(["find", "."], in: outside) == ".\n./lib\n./lib/ucf\n")
  }
}
