import FoundationEssentials
import SystemPackage

/// The source of this machine's power.
public enum PowerSupply: Sendable, Equatable {
  /// The mains, or an unknown source.
  case mains
  /// A battery.
  case battery

  /// The source that the kernel reports (Documentation/ABI/testing/sysfs-class-power). The machine is on battery if a
  /// battery is discharging and no supply is online. The battery of a mouse does not count: its scope is not the
  /// system.
  public init(in directory: FilePath = "/sys/class/power_supply") {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    let supplies = names.map { directory.appending($0) }.filter { Self.read("scope", of: $0) != "Device" }
    let isOnline = supplies.contains { Self.read("type", of: $0) != "Battery" && Self.read("online", of: $0) == "1" }
    let isDischarging = supplies.contains {
      Self.read("type", of: $0) == "Battery" && Self.read("status", of: $0) == "Discharging"
    }
    self = isDischarging && !isOnline ? .battery : .mains
  }

  private static func read(_ attribute: String, of supply: FilePath) -> String? {
    let text = try? String(contentsOfFile: supply.appending(attribute).string, encoding: .utf8)
    return text?.split(whereSeparator: \.isWhitespace).first.map(String.init)
  }
}
