/// The settings of unattended upgrades: the table `updates`.
public struct UpdateSettings: Sendable, Equatable {
  /// The extent of unattended upgrades.
  public enum Policy: String, Sendable, CaseIterable {
    /// Do nothing.
    case off
    /// Look for new versions.
    case check
    /// Upgrade nodes.
    case stage
    /// Also deploy the node that the machine boots.
    case deploy
  }

  /// The packages that are upgraded.
  public enum Extent: String, Sendable, CaseIterable {
    /// All packages.
    case all
    /// Those that have a security update.
    case security
  }

  /// Whether the machine is rebooted.
  public enum Reboot: String, Sendable, CaseIterable {
    /// Leave the reboot to the administrator.
    case never
    /// Reboot if the default deployment is not the running one.
    case whenNeeded = "when-needed"
  }

  /// How far it goes.
  public var policy: Policy
  /// The packages that are upgraded.
  public var only: Extent
  /// The nodes; empty for the running one.
  public var nodes: [Int]
  /// Whether the nodes below them are upgraded, too.
  public var includesTree: Bool
  /// Whether nothing is done on battery.
  public var onlyOnAC: Bool
  /// The number of bytes that must be free.
  public var minimumFree: Int64
  /// Whether a node is cloned before.
  public var clonesBefore: Bool
  /// Whether the machine is rebooted.
  public var reboot: Reboot
  /// The time of day for reboots; nil for any time.
  public var rebootWindow: DayWindow?
  /// Whether users are informed when they log in.
  public var messageOfTheDay: Bool
  /// The receiver of a mail; empty for none.
  public var mail: String
}

/// The settings of retention: the table `gc`.
public struct KeepSettings: Sendable, Equatable {
  /// The number of generations kept of a node.
  public var generations: Int
  /// The number of deployments kept, pinned ones not counted.
  public var deployments: Int
  /// The maximum age of generations in days; 0 for any age.
  public var days: Int
  /// The number of bytes that `gc` makes free; 0 for none.
  public var minimumFree: Int64
}

extension Settings {
  /// The settings of unattended upgrades.
  public var updates: UpdateSettings {
    UpdateSettings(
      policy: UpdateSettings.Policy(rawValue: text(of: .policy)) ?? .off,
      only: UpdateSettings.Extent(rawValue: text(of: .only)) ?? .all, nodes: numbers(of: .nodes),
      includesTree: flag(of: .tree), onlyOnAC: flag(of: .onlyOnAC), minimumFree: bytes(of: .minimumFreeForUpdates),
      clonesBefore: flag(of: .cloneBefore), reboot: UpdateSettings.Reboot(rawValue: text(of: .reboot)) ?? .never,
      rebootWindow: DayWindow(text(of: .rebootWindow)), messageOfTheDay: flag(of: .messageOfTheDay),
      mail: text(of: .mail))
  }

  /// The settings of retention.
  public var keep: KeepSettings {
    KeepSettings(
      generations: number(of: .keepGenerations), deployments: number(of: .keepDeployments),
      days: number(of: .keepDays), minimumFree: bytes(of: .minimumFree))
  }

  // Reading has checked each value against the kind of its key, so the `else` branches are never taken.

  private func flag(of key: SettingKey) -> Bool { if case .flag(let flag) = value(of: key) { flag } else { false } }

  private func number(of key: SettingKey) -> Int {
    if case .number(let number) = value(of: key) { number } else { 0 }
  }

  private func numbers(of key: SettingKey) -> [Int] {
    if case .numbers(let numbers) = value(of: key) { numbers } else { [] }
  }

  private func text(of key: SettingKey) -> String { if case .text(let text) = value(of: key) { text } else { "" } }

  private func bytes(of key: SettingKey) -> Int64 { ByteCount(text(of: key))?.bytes ?? 0 }
}
