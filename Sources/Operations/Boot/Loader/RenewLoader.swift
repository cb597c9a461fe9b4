import Btrfs
import DebianFormats
import Host
import Store
import SystemPackage

/// Brings the boot loader of a root to an EFI system partition.
///
/// Each file is the old or the new one, complete, whenever the power goes, and every mixture of them starts: the order is
/// that of ``LoaderChain``.
struct RenewLoader {
  let chain: LoaderChain
  let partition: EFIPartition
  /// The UUID of the file system with the boot menu.
  let fileSystem: String
  /// The UUID of another one from which GRUB may come there.
  let other: String?

  /// Replaces what differs.
  ///
  /// - Parameter warn: shows a sentence about what an earlier power cut left.
  /// - Returns: what was done.
  /// - Throws: `AstError`; the files before the one that it names are the new ones.
  func run(_ extent: LoaderPlan.Extent, warning warn: (String) -> Void) throws -> LoaderPlan {
    let plan = try LoaderPlan(chain, extent, fileSystem: fileSystem, or: other, reading: partition.contents)
    try requireRoom(for: plan)
    var made: Set<FilePath> = []
    func write(_ content: [UInt8], to place: FilePath) throws {
      let path = partition.directory.pushing(place)
      if made.insert(place.removingLastComponent()).inserted {
        try Files.ensureDirectory(partition.directory.appending("EFI"))
        try Files.ensureDirectory(path.removingLastComponent())
      }
      do {
        try BootLoaderFile(path).replace(with: content, warning: warn)
      } catch {
        throw named(error, place)
      }
      failPoint("boot loader renewed")
    }
    if let older = plan.replaced { try write(older, to: LoaderPlan.olderPlace) }
    for file in plan.written { try write(file.content, to: file.place) }
    return plan
  }

  /// The path inside this process means nothing to users.
  private func named(_ error: any Error, _ place: FilePath) -> AstError {
    let error = AstError(error)
    let (inside, outside) = (partition.directory.string, partition.entry.mountPoint.string)
    return AstError(
      error.code, error.reason.replacing(inside, with: outside), state: error.state,
      hint: error.hint?.replacing(inside, with: outside))
  }

  private func requireRoom(for plan: LoaderPlan) throws {
    var (growth, largest) = (Int64(plan.replaced?.count ?? 0), Int64(0))
    for file in plan.written {
      let size = Int64(file.content.count)
      largest = max(largest, size)
      growth += size - (try RootDirectory(partition.directory).size(of: file.place) ?? 0)
    }
    let (needed, free) = (max(growth, 0) + largest, try partition.space().free)
    guard needed > free, !plan.written.isEmpty else { return }
    throw AstError(
      .noSpace,
      "the EFI system partition at \(partition.entry.mountPoint) has \(free >> 10) KiB free, and the boot loader needs "
        + "\((needed >> 10) + 1) KiB", state: .unchanged, hint: "remove what is not needed there")
  }
}
