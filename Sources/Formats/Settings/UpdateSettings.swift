/// How nodes are upgraded without anybody watching: the table `updates`.
public struct UpdateSettings: Sendable, Equatable {
  /// How far it goes.
  public enum Policy: String, Sendable, CaseIterable {
    /// Nothing is done.
    case off
    /// New versions are looked for.
    case check
    /// Nodes are upgraded.
    case stage
    /// The node that the machine boots is deployed, too.
    case deploy
  }

  /// Whether the machine is rebooted.
  public enum Reboot: String, Sendable, CaseIterable {
    /// Somebody does that.
    case never
    /// When another deployment boots than the one that runs.
    case whenNeeded = "when-needed"
  }

  /// How far it goes.
  public var policy: Policy
  /// The nodes; none for the one that runs.
  public var nodes: [Int]
  /// Whether what is below them is upgraded, too.
  public var includesTree: Bool
  /// Whether nothing is done on battery.
  public var onlyOnAC: Bool
  /// How many bytes have to be free.
  public var minimumFree: Int64
  /// Whether a node is cloned before.
  public var clonesBefore: Bool
  /// Whether the machine is rebooted.
  public var reboot: Reboot
  /// When it may be; nil for any time.
  public var rebootWindow: DayWindow?
  /// Whether those who log in are told.
  public var messageOfTheDay: Bool
  /// Who gets a mail; empty for nobody.
  public var mail: String
}

/// What is kept: the table `gc`.
public struct KeepSettings: Sendable, Equatable {
  /// How many generations of a node.
  public var generations: Int
  /// How many deployments, pinned ones not counted.
  public var deployments: Int
  /// How old generations may get; 0 for any age.
  public var days: Int
  /// How many bytes `gc` sees to; 0 for none.
  public var minimumFree: Int64
}

extension Settings {
  /// How nodes are upgraded without anybody watching.
  public var updates: UpdateSettings {
    UpdateSettings(
      policy: UpdateSettings.Policy(rawValue: text(of: .policy)) ?? .off, nodes: numbers(of: .nodes),
      includesTree: flag(of: .tree), onlyOnAC: flag(of: .onlyOnAC), minimumFree: bytes(of: .minimumFreeForUpdates),
      clonesBefore: flag(of: .cloneBefore), reboot: UpdateSettings.Reboot(rawValue: text(of: .reboot)) ?? .never,
      rebootWindow: DayWindow(text(of: .rebootWindow)), messageOfTheDay: flag(of: .messageOfTheDay),
      mail: text(of: .mail))
  }

  /// What is kept.
  public var keep: KeepSettings {
    KeepSettings(
      generations: number(of: .keepGenerations), deployments: number(of: .keepDeployments),
      days: number(of: .keepDays), minimumFree: bytes(of: .minimumFree))
  }

  // A value was held against the kind of its key when it was read: what stands behind `else` does not happen.

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
