import Btrfs
import FoundationEssentials
import Glibc
import Host
import Store
import SystemPackage

/// The remains of an adoption. If it was interrupted before its commit, or taken back, they can be removed as a whole:
/// none of it was ever used.
struct Leftover {
  /// The name of the store before it has its record.
  static let staging = "@snapshots.adopt"

  private let top: FilePath
  private let record: AdoptionRecord?

  /// Examines the top level of a file system; nil if there is nothing of an adoption.
  init?(at top: FilePath) throws {
    self.top = top
    let store = top.appending(Machine.store)
    record = try Subvolume.isSubvolume(at: store) ? AdoptionRecord(in: store) : nil
    guard try record != nil || Subvolume.isSubvolume(at: top.appending(Self.staging)) else { return nil }
  }

  /// The names of the remains at the top level.
  func names() throws -> Set<String> {
    let own = try (record?.present(at: top) ?? []).compactMap { $0.lastComponent?.string }
    let halfMade = try own.map { "\($0)\(TakeOver.suffix)" }.filter { try Subvolume.isSubvolume(at: top.appending($0)) }
    return Set([Machine.store, Self.staging] + own + halfMade)
  }

  /// Why the adoption was taken back by itself.
  var reason: String? { record?.reason }

  /// Makes sure that the remains can be removed.
  ///
  /// - Throws: `AstError` (refused) if the machine boots from them, or they have data.
  func requireRemovable() throws {
    guard let record else { return }
    if try record.withBootHook(at: top, { try $0.isThere }) ?? false {
      throw AdoptableSystem.refusal(
        record.state == .made
          ? "this system was adopted: a deployment boots at the next start"
          : "this system was adopted, and a deployment has taken over its data",
        hint: "restart, or `ast adopt --undo`")
    }
    guard record.state != .made else { return }
    let names = ([Machine.store] + record.made.keys.sorted()).joined(separator: ", ")
    throw AdoptableSystem.refusal(
      "an adoption that was taken back has left \(names) at the top level of the file system, with data in them",
      hint: "copy what you need from them, and delete them with `btrfs subvolume delete`")
  }

  /// Removes the remains. The record goes last: it says that the rest may be removed.
  func remove() throws {
    try record?.removeBootFiles(at: top)
    for path in try record?.present(at: top) ?? [] {
      for taken in [path, FilePath("\(path)\(TakeOver.suffix)")] where try Subvolume.isSubvolume(at: taken) {
        try Subvolume(at: taken).delete()
        failPoint("leftover deleted")
      }
    }
    try FileSystem.sync(top)
    for name in [Machine.store, Self.staging] {
      let path = top.appending(name)
      guard try Subvolume.isSubvolume(at: path) else { continue }
      try Subvolume(at: path).delete()
      failPoint("leftover deleted")
    }
    try FileSystem.sync(top)
  }
}
