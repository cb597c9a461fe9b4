/// All settings, by their names in `ast.toml` and in a node's `node.toml`.
public enum SettingKey: String, CaseIterable, Sendable {
  case policy = "updates.policy"
  case only = "updates.only"
  case nodes = "updates.nodes"
  case tree = "updates.tree"
  case onlyOnAC = "updates.only-on-ac"
  case minimumFreeForUpdates = "updates.minimum-free"
  case cloneBefore = "updates.clone-before"
  case reboot = "updates.reboot"
  case rebootWindow = "updates.reboot-window"
  case messageOfTheDay = "updates.motd"
  case mail = "updates.mail"
  case keepGenerations = "gc.keep-generations"
  case keepDeployments = "gc.keep-deployments"
  case keepDays = "gc.keep-days"
  case minimumFree = "gc.minimum-free"
  case kernelArguments = "boot.kernel-arguments"
  case signModules = "boot.sign-modules"
  case skippedHooks = "hooks.skip"
  case isolation = "network.isolation"
  case loopback = "network.loopback"
  case tasksMax = "limits.tasks-max"
  case memoryMax = "limits.memory-max"

  /// Its table.
  public var section: String { String(rawValue.prefix { $0 != "." }) }
  /// Its name in that table.
  public var name: String { String(rawValue.dropFirst(section.count + 1)) }

  /// The words from which its value is chosen, for completions; empty if it is chosen in another way.
  public var choices: [String] {
    switch definition.kind {
    case .flag: ["true", "false"]
    case .choice(let words): words
    default: []
    }
  }

  /// Whether a file of this owner can contain it.
  public func isSetting(of owner: Settings.Owner) -> Bool { definition.owners.contains(owner) }
}

extension SettingKey {
  /// The definition of a setting.
  struct Definition {
    /// Its possible values.
    let kind: SettingKind
    /// Its default value.
    let standard: SettingValue
    /// Its description: a comment in the file that nodes come with.
    let meaning: String
    /// The owners that can have it: the machine, in its `ast.toml`, or a node, in its `node.toml`.
    var owners: Set<Settings.Owner> = [.machine]
  }

  /// The table of all settings.
  var definition: Definition {
    switch self {
    case .policy:
      Definition(
        kind: .choice(UpdateSettings.Policy.allCases.map(\.rawValue)), standard: .text("check"),
        meaning: """
          What ast does unattended: nothing ("off"), look for new versions ("check"), upgrade the nodes
          ("stage"), or also deploy the upgraded node that the machine boots ("deploy").
          """, owners: [.machine, .node])
    case .only:
      Definition(
        kind: .choice(UpdateSettings.Extent.allCases.map(\.rawValue)), standard: .text("all"),
        meaning: "What it upgrades: all packages (\"all\"), or to security updates alone (\"security\").",
        owners: [.machine, .node])
    case .nodes:
      Definition(
        kind: .numbers(1...Int(Int32.max)), standard: .numbers([]),
        meaning: "The nodes to upgrade, by their numbers; if there are none, the running one.")
    case .tree:
      Definition(kind: .flag, standard: .flag(false), meaning: "Whether the nodes below these are upgraded, too.")
    case .onlyOnAC:
      Definition(kind: .flag, standard: .flag(true), meaning: "Whether ast does nothing on battery power.")
    case .minimumFreeForUpdates:
      Definition(
        kind: .size, standard: .text("2G"), meaning: "No node is upgraded if less than this is free on the disk.")
    case .cloneBefore:
      Definition(
        kind: .flag, standard: .flag(false),
        meaning: "Whether a node is cloned before it is upgraded. The clone stays until you delete it.",
        owners: [.machine, .node])
    case .reboot:
      Definition(
        kind: .choice(UpdateSettings.Reboot.allCases.map(\.rawValue)), standard: .text("never"),
        meaning: """
          Whether the machine is rebooted if, after an upgrade with the policy "deploy", the default deployment is not
          the running one: "never" or "when-needed".
          """)
    case .rebootWindow:
      Definition(
        kind: .window, standard: .text("02:00-05:00"), meaning: "The time of day for such a reboot, in local time.")
    case .messageOfTheDay:
      Definition(
        kind: .flag, standard: .flag(true), meaning: "Whether users who log in are told what there is to do.")
    case .mail:
      Definition(
        kind: .address, standard: .text("root"),
        meaning: """
          Who gets a mail about changes and failures, if there is a sendmail(8); "" for no mail.
          """)
    case .keepGenerations:
      Definition(
        kind: .number(1...10_000), standard: .number(3),
        meaning: "The number of generations of each node that are kept.")
    case .keepDeployments:
      Definition(
        kind: .number(2...1000), standard: .number(3),
        meaning: "The number of deployments that are kept, pinned ones not counted.")
    case .keepDays:
      Definition(
        kind: .number(0...36_500), standard: .number(0),
        meaning: "`ast gc` deletes generations that are older than this many days, whatever their number; 0 for none.")
    case .minimumFree:
      Definition(
        kind: .size, standard: .text("0"),
        meaning: "`ast gc` goes on with the oldest generations until this much is free; \"0\" for no minimum.")
    case .kernelArguments:
      // A setting of nodes only: the kernel arguments are recorded with each generation, so a value of the machine
      // would be in force for the nodes that were changed since, and for no other.
      Definition(
        kind: .kernelArguments, standard: .words([]),
        meaning: "Kernel arguments, appended to those from /etc/default/grub.", owners: [.node])
    case .signModules:
      // A setting of nodes only, and not enough alone: see `Store/Signing/SigningConsent.swift`.
      Definition(
        kind: .flag, standard: .flag(false),
        meaning: """
          Whether kernel modules that DKMS builds are signed with the machine's key; `ast config` asks before, and nothing
          else allows it.
          """, owners: [.node])
    case .skippedHooks:
      Definition(
        kind: .hooks, standard: .words([]),
        meaning: "The names of the programs in /etc/ast/hooks.d that are not run for changes of packages.",
        owners: [.machine, .node])
    case .isolation:
      Definition(
        kind: .choice(NetworkSettings.Isolation.allCases.map(\.rawValue)), standard: .text("on"),
        meaning: """
          Whether programs in nodes have a network of their own ("on"), or the machine's, with all of its local services
          ("off").
          """)
    case .loopback:
      Definition(
        kind: .numbers(1...65_535), standard: .numbers([]),
        meaning: "The ports of the machine's loopback interface that apt may use to fetch packages: a proxy's.")
    case .tasksMax:
      Definition(
        kind: .tasks(64...4_194_304), standard: .number(4096),
        meaning: """
          The most processes and threads that a program in a node and all that it starts may have; "infinity" for any
          number.
          """)
    case .memoryMax:
      Definition(
        kind: .memory, standard: .text("80%"),
        meaning: """
          The most memory that they may have, and the most swap space: a percentage of the machine's, a size, or
          "infinity".
          """)
    }
  }
}
