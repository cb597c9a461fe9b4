import DebianFormats
import Host
import Settings
import SnapshotTree
import Store
import SystemPackage

extension Store {
  /// Warns if the apt of the base uses a proxy on this machine that the settings do not open to nodes.
  public func proposeLoopbackPorts() throws {
    let settings = try settings.network
    guard settings.isolation == .on else { return }
    let inside = RootDirectory(path(of: .base, try node(.base).current))
    let files = ["/etc/apt/apt.conf"] + (try inside.files(below: "/etc/apt/apt.conf.d"))
    let ports = try files.flatMap { file in
      let text = try inside.beginning(of: file, count: Self.largestAptSettings).map {
        String(decoding: $0, as: UTF8.self)
      }
      return AptConfiguration(text ?? "", isSettings: true).loopbackPorts
    }
    guard !Set(ports).isSubset(of: settings.loopbackPorts) else { return }
    let all = Set(ports).union(settings.loopbackPorts).sorted().map(String.init).joined(separator: ", ")
    warn(
      "the apt of node 0 uses a proxy on this machine, which is closed to nodes: set network.loopback = [\(all)] in "
        + "\(Settings.file)")
  }

  /// In bytes.
  private static let largestAptSettings = 1 << 20
}
