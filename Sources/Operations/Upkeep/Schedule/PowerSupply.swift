import FoundationEssentials
import SystemPackage

/// What this machine gets its power from.
public enum PowerSupply: Sendable, Equatable {
  /// The mains, or what nobody knows.
  case mains
  /// A battery.
  case battery

  /// As the kernel tells it (Documentation/ABI/testing/sysfs-class-power): on battery is a machine with a battery that
  /// gets less and no supply that is online. A mouse has a battery, too, but it is no supply of the system.
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
