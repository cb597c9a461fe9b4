import Etc
import Host
import Rootfs
import Sandbox
import SnapshotTree
import Store
import SystemPackage

/// What programs make of files in /etc, made anew in a deployment whose /etc was merged: the products (``EtcProduct``),
/// and the initrd, if the machine has its own settings for it (``InitrdSources``).
extension Store {
  /// Makes what these steps have affected in the root `staged`, which is an instance of a node, with the root's own
  /// programs.
  ///
  /// A product that cannot be made is reported: the system comes up without it.
  ///
  /// - Throws: `AstError` if the initrd cannot be made: the system may not come up with another one.
  func make(
    whatFollowsFrom steps: [EtcStep], in staged: FilePath, of id: NodeID, on machine: Machine,
    progress: (String) -> Void
  ) throws {
    guard let etc = try OpenDirectory(staged).directory("etc") else { return }
    let products = ProductsAtStart(of: staged)
    let libraries = try LibraryPlaces(namedIn: etc)
    for product in EtcProduct.all {
      // A node's own cache is without what is on the machine only.
      let needsData = product == .libraries && !libraries.isEmpty
      guard product.isAffected(by: steps) || needsData, try products.canBeMade(product, with: etc) else { continue }
      progress("making \(product.name)")
      var mounts = ChrootMounts()
      defer { mounts.end() }
      var data: [Sandbox.Bind] = []
      do {
        if needsData { data = try libraries.mount(on: machine, with: &mounts) }
      } catch {
        warn("\(product.name) is without what is in the machine's data: \(AstError(error).reason)")
      }
      if let failure = try run(product.command, in: staged, of: id, with: data) {
        warn("\(product.name) could not be made: \(failure); it stays as in node \(id)")
      }
      failPoint("product made")
    }
    guard InitrdSources.areAffected(by: steps), let version = try Kernels(in: staged).newest,
      let maker = try Initrd.maker(in: staged)
    else { return }
    progress("making an initrd with this machine's settings")
    if let failure = try run(maker.command(for: version), in: staged, of: id) {
      throw AstError(
        .failed, "cannot make an initrd with this machine's settings: \(failure)", state: .unchanged,
        hint: "`ast etc-diff` shows the settings; `ast deploy --etc=fresh` leaves them out")
    }
    failPoint("initrd made")
  }

  /// Runs a program in a root, without a network.
  ///
  /// - Returns: the end of what it said if it failed; nil if it did not.
  private func run(
    _ command: [String], in root: FilePath, of id: NodeID, with data: [Sandbox.Bind] = []
  ) throws -> String? {
    var said = OutputEnds()
    var sandbox = try sandbox(for: id, at: root, network: .isolated)
    sandbox.binds += data
    let end = try sandbox.run(
      command, output: { said.add($0) }, error: { said.add($0) })
    guard end != .exited(0) else { return nil }
    let line = said.text.split(separator: "\n").last
    return line.map(String.init) ?? "\(command[0]) ended with exit status \(end.status)"
  }
}
