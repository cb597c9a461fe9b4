import FoundationEssentials
import Machines
import Sandbox
import Settings
import SnapshotTree
import TOMLFiles

extension FuzzEntry {
  private static let toml = """
    updates.policy = "stage" # daily
    [updates]
    nodes = [1, 0x2, 3_0,
      4]
    minimum-free = '2G'
    reboot-window = "22:00-05:00"
    mail = \"\"\"
    root\"\"\"
    [boot]
    kernel-arguments = ["quiet", "console=ttyS0,115200", "\\u00e4\\U0001F600"]
    [[network]]
    loopback."b c" = { e = 1e5, f = -inf, g = 2026-12-01 05:22:29.5Z }

    """

  static let settingEntries: [FuzzEntry] = [
    FuzzEntry(
      "settings",
      of: [
        "Formats/TOMLFiles/ReadSettings.swift", "Formats/TOMLFiles/SettingEntries.swift",
        "Formats/TOMLFiles/TOMLFile.swift", "Formats/TOMLFiles/TOMLScanner.swift", "Formats/TOMLFiles/TOMLText.swift",
      ],
      seeds: [
        toml, Settings.template(of: .machine).replacing("\n#", with: "\n"),
        Settings.template(of: .node).replacing("\n#", with: "\n"),
      ]
    ) { input in
      do throws(ConfigurationError) {
        var settings = Settings()
        try settings.read(input, in: "/a.toml", of: .machine)
        _ = (settings.updates, settings.keep, settings.network, settings.kernelArguments, settings.skippedHooks)
        for key in SettingKey.allCases { _ = (settings.value(of: key).toml, settings.value(of: key).plain) }
        try settings.read(input, in: "/node.toml", of: .node)
      } catch {
        try require(!"\(error)".isEmpty, "the error has no words")
      }
    },
    FuzzEntry(
      "settings-text", of: ["Formats/TOMLFiles/SettingsText.swift", "Formats/TOMLFiles/TypedSetting.swift"],
      seeds: [toml, Settings.template(of: .node), "[updates]\npolicy = 'off' # x\n[hooks]\nskip = [\n#policy = 1\n]"]
    ) { input in
      for key in SettingKey.allCases { _ = key.objection(to: key.value(typed: text(input))) }
      var before = Settings()
      guard (try? before.read(input, in: "/node.toml", of: .node)) != nil else { return }
      for (key, value) in [(SettingKey.policy, SettingValue.text("off")), (.kernelArguments, .words(["quiet"]))] {
        var edited = SettingsText(input, at: "/node.toml")
        guard (try? edited.set(key, to: value)) != nil else { continue }
        var after = Settings()
        try after.read(edited.bytes, in: "/node.toml", of: .node)
        try require(after.value(of: key) == value, "\(key.rawValue) is not set")
        for other in SettingKey.allCases where other != key {
          try require(after.value(of: other) == before.value(of: other), "\(other.rawValue) is changed")
        }
        try edited.remove(key)
        try after.read(edited.bytes, in: "/node.toml", of: .node)
      }
    },
    FuzzEntry(
      "bootstrap-file", of: ["Formats/TOMLFiles/BootstrapFile.swift", "Formats/TOMLFiles/TOMLFile.swift"],
      seeds: ["hostname = \"web\"\nuser = \"anna\"\nssh-keys = [\"ssh-ed25519 AAAA anna@home\"]\nsize = '10G'\n"]
    ) { input in
      do throws(ConfigurationError) {
        _ = try BootstrapFile(input, in: "/answers.toml")
      } catch {
        try require(!"\(error)".isEmpty, "the error has no words")
      }
    },
    FuzzEntry(
      "words",
      of: [
        "Formats/Settings/ByteCount.swift", "Formats/Settings/DayWindow.swift", "Formats/Settings/HookName.swift",
        "SnapshotTree/Model/TreeIdentifier.swift", "SnapshotTree/Model/SubvolumeUUID.swift",
        "Bindings/Sandbox/AddressPrefix.swift", "Operations/Machines/Bootstrap/BootstrapAnswers.swift",
      ],
      seeds: [
        "10G", "9223372036854775807K", "22:00-05:00", "2147483647", "0", "keep-ssh",
        "8b4df7a6-4f2a-4b0c-9d3e-0123456789ab", "2001:db8::1", "192.0.2.1", "ttyS0,115200", "5\u{df}",
      ]
    ) { input in
      let word = text(input)
      try require(ByteCount(word).map { $0.bytes >= 0 } ?? true, "a size is negative")
      if let window = DayWindow(word) { try require(window.contains(window.start), "a span lacks its beginning") }
      if let node = NodeID(word) { try require("\(node)" == word, "\(word) is \(node)") }
      if let uuid = SubvolumeUUID(word) { try require("\(uuid)" == word.lowercased(), "\(word) is \(uuid)") }
      if HookName.isValid(word) { try require(!word.contains("/"), "\(word) is not one name") }
      _ = (AddressPrefix(word), BootstrapAnswers.SerialConsole(word))
    },
  ]
}
