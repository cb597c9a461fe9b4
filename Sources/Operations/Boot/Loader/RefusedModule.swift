import FoundationEssentials
import Host
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// A kernel module that DKMS has built and that does not load under Secure Boot.
public struct RefusedModule: Sendable {
  /// Why.
  public enum Reason: String, Sendable {
    /// It has no signature.
    case unsigned
    /// It is signed with the machine's key, which firmware does not know.
    case unknownKey = "unknown-key"
  }

  /// Its path in the deployment.
  public let path: FilePath
  /// Why.
  public let reason: Reason

  /// The modules of a deployment. What another key has signed is not among them: firmware may know that key.
  ///
  /// - Parameter key: what firmware knows of the machine's key; nil if there is none.
  static func all(of deployment: Deployment, in store: Store, _ key: ModuleKeyReport?) throws -> [RefusedModule] {
    let root = store.path(of: deployment)
    let modules = try self.modules(in: RootDirectory(root))
    guard !modules.isEmpty else { return [] }
    let own = key?.state == .known ? nil : try ModuleKey.existing(in: store.root)?.serial()
    var sandbox = try store.sandbox(for: deployment.node, at: root, network: .isolated)
    // Nothing is installed, so the policy against it need not be put into the deployment.
    sandbox.startsServices = true
    return try modules.compactMap { path in
      guard let serial = try serial(of: path, sandbox) else { return nil }
      if serial.isEmpty { return RefusedModule(path: path, reason: .unsigned) }
      return serial == own ? RefusedModule(path: path, reason: .unknownKey) : nil
    }
  }

  /// The number of the certificate with which a module was signed, as modinfo(8) of the deployment reads it from a module
  /// that may be compressed; empty without a signature, nil if it cannot be read.
  private static func serial(of path: FilePath, _ sandbox: Sandbox) throws -> String? {
    var output = OutputStart(limit: 1 << 10)
    do {
      let end = try sandbox.run(
        ["modinfo", "-F", "sig_key", path.string], within: .seconds(30), output: { output.add($0) }, error: { _ in })
      guard end == .exited(0) else { return nil }
    } catch let error as SandboxError where error.status == 127 {
      return nil
    }
    return output.text.split(separator: "\n").first.map { $0.filter { $0 != ":" }.uppercased() } ?? ""
  }

  /// The places where DKMS on Debian installs modules, for each kernel.
  private static func modules(in root: RootDirectory) throws -> [FilePath] {
    var found: [FilePath] = []
    for kernel in try root.entries(of: "/lib/modules").map(\.name) {
      let directory = FilePath("/lib/modules").appending(kernel).appending("updates/dkms")
      for name in try root.entries(of: directory).map(\.name) where name.contains(".ko") {
        guard found.count < most else { return found }
        found.append(directory.appending(name))
      }
    }
    return found
  }

  /// More are not looked at: programs of the deployment can have made any number.
  private static let most = 100
}
