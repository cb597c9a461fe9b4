import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import Store
import SystemPackage

/// The renewal of the boot loader after a good start, and what `status` says of it.
extension Store {
  /// Brings new versions of what Debian has on the EFI system partition, if the running deployment is the default and EFI
  /// firmware has started it. A failure does not make the start a bad one.
  func renewLoader(afterStartOf deployment: DeploymentID, _ firmware: FirmwareVariables = FirmwareVariables()) throws {
    guard firmware.arePresent, try tree.defaultDeployment == deployment else { return }
    var sentences: [String]
    do {
      sentences = try bootFiles(.whatIsThere, firmware) { _ in }.sentences
    } catch {
      try Interruption.check()
      sentences = ["the boot loader was not renewed: \(AstError(error).message)"]
    }
    for sentence in sentences { warn(sentence) }
    do {
      try Files.ensureDirectories(Self.loaderNotices.removingLastComponent())
      try Files.write(sentences.joined(separator: "\n").utf8, to: Self.loaderNotices)
    } catch {
      try Interruption.check()
      warn("status does not know of the boot loader: \(AstError(error).message)")
    }
  }

  /// What users should know about the boot loader, one sentence each.
  public func loaderNotices() throws -> [String] {
    let content = try RootDirectory("/").contents(of: Self.loaderNotices) ?? Data()
    return String(decoding: content, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The sentences of the renewal at this start, a line each. Any user may read them, but not the partition.
  private static let loaderNotices: FilePath = "/run/ast/boot-loader"

  /// Removes the GRUB that an older ast made for EFI, and its modules, when a start without it was good.
  func removeOlderLoader(from partition: EFIPartition, _ firmware: FirmwareVariables) throws {
    let copy = partition.directory.pushing(LoaderPlan.olderPlace)
    guard access(copy.string, F_OK) == 0, try firmware.haveBeenThroughShim else { return }
    let machine = try requireMachine()
    defer { withExtendedLifetime(machine) {} }
    let modules = machine.path(of: Machine.grub).appending(DebianArchitecture.current.efiPlatform)
    if access(modules.string, F_OK) == 0 {
      for name in try Files.names(in: modules) { try Files.removeFile(modules.appending(name)) }
      try Files.removeDirectory(modules)
    }
    // The copy is last: while it is there, the rest is still to be removed.
    try Files.removeFile(copy)
    try Files.removeDirectoryIfPresent(copy.removingLastComponent())
  }
}

extension BootFilesReport {
  /// What a renewal has left different, and why.
  fileprivate var sentences: [String] {
    partitions.flatMap { partition -> [String] in
      let place = partition.mountPoint
      if let failure = partition.failure { return ["the boot loader at \(place) was not renewed: \(failure.message)"] }
      if let deploymentFailure, partition.files.contains(where: { $0.owner == .debian }) {
        return ["the boot loader at \(place) is not renewed: \(deploymentFailure.reason)"]
      }
      return partition.files.compactMap { file in
        guard let reason = file.reason else {
          return file.owner == .ast ? "\(file.place) at \(place) is \(Self.older)" : nil
        }
        return "\(file.place) at \(place) stays: \(reason)"
      }
    }
  }

  private static let older =
    "the GRUB of an older ast, which Secure Boot refuses: `ast boot-files --renew` brings Debian's"
}
