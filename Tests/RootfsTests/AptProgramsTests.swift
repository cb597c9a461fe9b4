import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

@testable import Rootfs

/// Which changes of a root can change what its apt does.
@Suite("The programs of an apt", .requiresRoot, .serialized)
struct AptProgramsTests {
  private let root: FilePath

  init() throws {
    root = try DebianRoot.snapshot(in: LoopBtrfs.shared.newDirectory())
  }

  private func change(_ script: String) throws {
    try runSuccessfully(["sh", "-euc", script], in: root)
  }

  private func programs() throws -> String { try #require(try AptPrograms(in: root)).text }

  private static let pristine = Result {
    try AptPrograms(in: DebianRoot.snapshot(in: LoopBtrfs.shared.newDirectory()))?.text
  }

  @Test(arguments: [
    "echo >>usr/bin/apt-get", "rm usr/bin/sh; cp usr/bin/bash usr/bin/sh",
    "cd usr/lib/*-linux-gnu*; echo >>$(readlink -f libapt-pkg.so.*.*.*)", "echo >usr/lib/apt/methods/new",
    "cp usr/bin/true usr/local/bin/apt-get",
    "echo >>$(ls usr/bin/sqv usr/bin/gpgv 2>/dev/null | head -n 1)", "echo /x.so >etc/ld.so.preload",
    "echo >usr/lib/libnss_x.so.2", "echo passwd: x >>etc/nsswitch.conf",
    "mkdir -p etc/ssl; echo x=y >>etc/ssl/openssl.cnf",
    "cd usr/lib/*-linux-gnu*; mkdir -p ossl-modules; echo >ossl-modules/x.so",
    "cp usr/lib/*-linux-gnu*/libz.so.1 usr/local/lib; chroot . ldconfig",
    "cd usr/lib/*-linux-gnu*/perl-base; echo x >>strict.pm",
  ])
  func differentOnes(script: String) throws {
    try change(script)
    #expect(try programs() != Self.pristine.get())
  }

  @Test(arguments: [
    "", "echo >usr/bin/other; rm -r usr/share/doc; echo x >etc/hostname; echo >>var/lib/dpkg/status",
    "cp usr/lib/*-linux-gnu*/libblkid.so.1 usr/local/lib; chroot . ldconfig",
    "cp -a usr/bin/apt-get usr/bin/new; mv usr/bin/new usr/bin/apt-get; touch usr/bin/dpkg",
  ])
  func theSameOnes(script: String) throws {
    try change(script)
    #expect(try programs() == Self.pristine.get())
  }

  @Test(arguments: [
    "truncate -s 1T usr/lib/apt/methods/new", "echo >etc/ld.so.cache", "truncate -s 1T usr/bin/apt-get",
  ])
  func itIsNotSaid(script: String) throws {
    try change(script)
    #expect((try? AptPrograms(in: root)?.text) == nil)
  }

  @Test func allThatTheLoaderLoadsIsAmongThem() throws {
    let names = "/usr/bin/apt-get /usr/bin/apt-cache /usr/bin/dpkg /usr/bin/perl /usr/bin/bash /usr/lib/apt/methods/*"
    let printed = try runSuccessfully(["chroot", root.string, "sh", "-c", "ldd \(names)"]).split(separator: "\n")
    let loaded = printed.compactMap { line in
      line.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("/") && !$0.hasSuffix(":") }.map(String.init)
    }
    #expect(loaded.count > 20)
    let found = Set(
      try programs().split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    #expect(Set(loaded).subtracting(found) == [])
  }
}
