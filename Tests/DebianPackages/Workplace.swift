import Btrfs
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// The disk of a course, in a directory that outlives the program: a later run goes on with it.
struct Workplace {
  let ledger: FilePath
  /// Where the file system is mounted. The mount is in the mount namespace of `run`, and ends with it.
  private let root: FilePath
  private let image: FilePath

  /// The store.
  var store: TestStore { TestStore(existing: root.appending("store")) }
  /// The plain Debian that the others are copies of.
  var plain: PlainRoot { PlainRoot(path: root.appending("plain")) }
  /// Where a copy of it is made.
  var copy: FilePath { root.appending("copy") }

  /// A place that may have been begun.
  init(at directory: FilePath) {
    (ledger, root, image) = (
      directory.appending("results.jsonl"), directory.appending("mount"), directory.appending("image")
    )
  }

  /// Mounts the file system. Without one, or if it was not prepared, makes a new one and begins with no results.
  func open(_ releases: Releases) throws {
    try runSuccessfully(["mkdir", "-p", root.string])
    if access(image.string, F_OK) == 0 {
      try mount()
      if access(root.appending("prepared").string, F_OK) == 0 { return }
      try runSuccessfully(["umount", root.string])
    }
    try runSuccessfully(["rm", "-f", image.string, ledger.string])
    try runSuccessfully(["truncate", "--size=48G", image.string])
    try runSuccessfully(["mkfs.btrfs", "-q", image.string])
    try mount()
    try prepare(releases)
    try Data().write(to: URL(filePath: root.appending("prepared").string))
  }

  /// Removes the file system. The results stay.
  func close() throws {
    try runSuccessfully(["umount", root.string])
    try runSuccessfully(["rm", image.string])
  }

  private func mount() throws { try runSuccessfully(["mount", "-o", "loop,noatime", image.string, root.string]) }

  /// Makes the base, and node 1 with the indices of the release, which other nodes are copies of; and the same without ast.
  private func prepare(_ releases: Releases) throws {
    let archive = try DebianRoot.archive(of: releases.old)
    let dates = try Self.limitsOfDates()
    try Subvolume.create(at: store.root)
    try store.ast("init", "--tarball", archive.string).expectSuccess()
    try store.ast("clone", "0").expectSuccess()
    try AstNode(store, 1).shell("cat >/etc/apt/apt.conf.d/dates", input: dates)
    try store.ast("refresh", "1").expectSuccess()
    for number in 2...(1 + Course.tracks.count) {
      guard try AstNode(store, 1).clone().id == number else { throw Failure(description: "node \(number) is missing") }
    }
    _ = try PlainRoot.make(at: plain.path, of: archive, configuration: dates)
  }

  /// The host's own limits for the dates of an archive.
  private static func limitsOfDates() throws -> String {
    let all = ["apt-config", "dump", "--format", "%f \"%v\";%n", "Acquire::Check-Valid-Until", "Acquire::Check-Date"]
    return try runSuccessfully(all).split(separator: "\n").filter { $0.contains("Check-") }.joined(separator: "\n")
      + "\n"
  }
}
