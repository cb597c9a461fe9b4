import DebianFormats
import Etc
import FoundationEssentials
import Rootfs
import SystemFiles
import SystemPackage

/// The changes in the old system between its adoption and the first start of a deployment that the deployment does not
/// have.
struct LeftBehind {
  /// The packages that were installed, removed or changed, and the changed files of /etc.
  let names: [String]

  /// Compares the old root with the generation that was made from it, and with the deployment that has started.
  init(in old: FilePath, since generation: FilePath, without deployment: FilePath) throws {
    let packages = try Self.packages(in: generation, old).map { "the package \($0)" }
    let trees = try EtcTree.read([generation, old, deployment])
    let changes = EtcChange.changes(from: trees[0].node, to: trees[1].node).filter { change in
      trees[1].node[change.path] != trees[2].node[change.path]
    }
    names = packages + changes.map { FilePath("/etc").pushing($0.path) }.filter { !Self.isOwn($0) }.map(\.string)
  }

  /// The packages that are different. If /var is a file system of its own, the old root has no database of them before
  /// ``Adoption/shareState(progress:)``.
  private static func packages(in generation: FilePath, _ old: FilePath) throws -> [String] {
    guard let before = try PackageDatabase.installed(in: generation), let now = try PackageDatabase.installed(in: old)
    else { return [] }
    return Set(Set(before).symmetricDifference(now).map(\.name)).sorted()
  }

  /// Whether a path in /etc differs because of the adoption itself.
  private static func isOwn(_ path: FilePath) -> Bool {
    let made =
      SystemFile.all.map(\.path) + [AdoptedUpdates.file, AdoptedBootVolume.table, AdoptedBootVolume.dracutSetting]
      + [PackageState.aptConfiguration.path, PackageState.dkmsConfiguration.path].map(FilePath("/").pushing)
    return path == "/etc/fstab" || made.contains { $0.starts(with: path) }
  }
}
