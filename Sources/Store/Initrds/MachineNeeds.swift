import Btrfs
import DebianFormats
import Host
import SystemPackage

extension Store {
  /// What the initrd of a deployment needs on this machine beyond the file system: the root is where the store is, and its
  /// devices can stand on others.
  package func machineNeeds() throws -> Set<InitrdNeed> {
    let devices = try FileSystem.devices(of: root).map(\.string)
    do {
      let types = try ChildProcess(
        "lsblk", ["--inverse", "--noheadings", "--list", "--output", "TYPE", "--"] + devices
      ).output()
      return Set(types.split(whereSeparator: \.isWhitespace).compactMap { InitrdNeed(deviceType: String($0)) })
    } catch let error as AstError where error.code == .failed {
      warn("what the disks of this machine need in an initrd is not known: \(error.reason)")
      return []
    }
  }
}
