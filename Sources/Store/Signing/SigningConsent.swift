import Btrfs
import Glibc
import Host
import Settings
import SnapshotTree
import SystemPackage

/// The nodes whose kernel modules the machine's key signs because the administrator has said so.
///
/// A node's settings are in the node, where any package can write them. So they are not enough: this is outside.
extension Store {
  /// Lets the machine's key sign what is built in a node, and makes it if there is none.
  ///
  /// - Returns: the key.
  public func allowSigning(in id: NodeID) throws -> ModuleKey {
    let key = try ModuleKey.made(in: self)
    try Store.makePrivateDirectory("ast/sign-modules", in: root)
    try Files.write([], to: consent(of: id))
    try FileSystem.sync(root)
    return key
  }

  /// Takes that back.
  public func forbidSigning(in id: NodeID) throws {
    try Files.removeFileIfPresent(consent(of: id))
    try FileSystem.sync(root)
  }

  /// Whether it was allowed.
  public func allowsSigning(in id: NodeID) -> Bool { access(consent(of: id).string, F_OK) == 0 }

  private func consent(of id: NodeID) -> FilePath { root.appending("ast/sign-modules/\(id)") }

  /// Begins to sign the modules that are built in a clone of a node, if the node's settings want it and it is allowed. A
  /// change that builds no modules must not fail for want of it.
  func moduleSigner(for id: NodeID, in clone: FilePath) -> ModuleSigner? {
    // While the settings are wrong, the defaults hold.
    guard (try? ownSettings(in: clone, named: clone))?.signsModules ?? false else { return nil }
    guard allowsSigning(in: id) else {
      warn(
        "kernel modules of node \(id) are not signed: \(SettingKey.signModules.rawValue) is set in it, but not allowed "
          + "here; `ast config -N \(id) --set \(SettingKey.signModules.rawValue)=true` allows it")
      return nil
    }
    do {
      return try ModuleSigner(with: ModuleKey.made(in: self))
    } catch {
      warn("kernel modules of node \(id) are not signed: \(AstError(error).message)")
      return nil
    }
  }
}
