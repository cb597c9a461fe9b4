import Settings
import TOMLFiles
import Testing

/// Changes of single settings in a file: nothing else in it changes.
@Suite struct SettingsTextTests {
  private func changed(_ text: String, _ change: (inout SettingsText) throws -> Void) throws -> String {
    var edited = SettingsText(text.utf8, at: "/node.toml")
    try change(&edited)
    return String(decoding: edited.bytes, as: UTF8.self)
  }

  private func setPolicy(in text: String) throws -> String {
    let after = try changed(text) { edited throws in try edited.set(.policy, to: .text("off")) }
    var settings = Settings()
    try settings.read(Array(after.utf8), in: "/node.toml", of: .node)
    #expect(settings.value(of: .policy) == .text("off"), "\(after)")
    let again = try changed(after) { edited throws in try edited.set(.policy, to: .text("off")) }
    #expect(again == after)
    return after
  }

  @Test(arguments: [
    ("", "[updates]\npolicy = \"off\"\n"), ("# mine", "# mine\n\n[updates]\npolicy = \"off\"\n"),
    ("[updates]\npolicy = \"check\" # why\nonly = \"all\"\n", "[updates]\npolicy = \"off\" # why\nonly = \"all\"\n"),
    ("  [ \"updates\" ] # x\n 'policy'  =  'check'", "  [ \"updates\" ] # x\n 'policy'  =  \"off\""),
    ("updates.policy=\"\"\"\ncheck\"\"\"\r\n# end\r\n", "updates.policy=\"off\"\r\n# end\r\n"),
    ("updates.only = \"all\" # x\n\n# end\n", "updates.only = \"all\" # x\nupdates.policy = \"off\"\n\n# end\n"),
    ("updates.only = \"all\"", "updates.only = \"all\"\nupdates.policy = \"off\"\n"),
    ("[updates]", "[updates]\npolicy = \"off\"\n"),
    ("[updates]\n\n[hooks]\nskip = []\n", "[updates]\npolicy = \"off\"\n\n[hooks]\nskip = []\n"),
    (
      "[updates]\nonly = \"all\" # x\n# about hooks\n[hooks]\nskip = [\n  # [updates]\n  \"a\",\n]\n",
      "[updates]\nonly = \"all\" # x\npolicy = \"off\"\n# about hooks\n[hooks]\nskip = [\n  # [updates]\n  \"a\",\n]\n"
    ),
    (
      "[updates]\n# What.\n#policy = \"check\"\n\n#only = \"all\"\n[hooks]\n",
      "[updates]\n# What.\n#policy = \"check\"\npolicy = \"off\"\n\n#only = \"all\"\n[hooks]\n"
    ),
    (
      "[hooks]\nskip = [ # \"x\"\n#policy = 1\n]\n[updates]\n",
      "[hooks]\nskip = [ # \"x\"\n#policy = 1\n]\n[updates]\npolicy = \"off\"\n"
    ), ("hooks.skip = []\n[updates]\nonly = \"all\"", "hooks.skip = []\n[updates]\nonly = \"all\"\npolicy = \"off\"\n"),
    ("\u{feff}[updates]\npolicy = \"check\"\n", "\u{feff}[updates]\npolicy = \"off\"\n"),
    ("# ä🌲\n[updates]\npolicy = \"check\" # ä🌲\n", "# ä🌲\n[updates]\npolicy = \"off\" # ä🌲\n"),
  ]) func aValueIsSet(in text: String, gives expected: String) throws { #expect(try setPolicy(in: text) == expected) }

  @Test func theTemplateKeepsItsComments() throws {
    let template = Settings.template(of: .node)
    let after = try changed(template) { edited throws in
      for (key, value) in Self.some { try edited.set(key, to: value) }
    }
    var settings = Settings()
    try settings.read(Array(after.utf8), in: "/node.toml", of: .node)
    for (key, value) in Self.some { #expect(settings.value(of: key) == value) }
    for (key, _) in Self.some {
      #expect(after.contains("\n#\(key.name) = \(Settings().value(of: key).toml)\n\(key.name) = "), "\(after)")
    }
    let back = try changed(after) { edited throws in for (key, _) in Self.some { try edited.remove(key) } }
    #expect(back == template)
  }

  private static let some: [(SettingKey, SettingValue)] = [
    (.policy, .text("stage")), (.cloneBefore, .flag(true)), (.kernelArguments, .words(["quiet", "console=ttyS0"])),
    (.skippedHooks, .words(["a"])),
  ]

  @Test(arguments: [
    ("updates.policy = \"off\"\n# end", "# end"), ("[updates]\npolicy = \"off\" # x\n# end\n", "[updates]\n# end\n"),
    ("[updates]\npolicy = \"off\"", "[updates]\n"), ("[hooks]\n#policy = \"off\"\n", "[hooks]\n#policy = \"off\"\n"),
    ("updates.policy = \"\"\"\\\n  off\"\"\" # x\nhooks.skip = []\n", "hooks.skip = []\n"), ("", ""),
  ]) func aValueIsRemoved(from text: String, gives expected: String) throws {
    #expect(try changed(text) { edited throws in try edited.remove(.policy) } == expected)
  }

  @Test func aTableOnOneLineIsLeftAlone() {
    let reason = "line 2, column 1: updates is a table on one line, which is not changed key by key"
    for remove in [true, false] {
      #expect(throws: ConfigurationError.wrong("/node.toml", reason)) {
        _ = try changed("# x\nupdates = { policy = \"off\" }\n") { edited throws in
          if remove { try edited.remove(.policy) } else { try edited.set(.policy, to: .text("off")) }
        }
      }
    }
  }

  @Test(arguments: [
    (SettingKey.policy, "off", SettingValue.text("off")), (.policy, "\"off\"", .text("off")),
    (.policy, "'off'", .text("off")), (.cloneBefore, "true", .flag(true)), (.cloneBefore, " true ", .flag(true)),
    (.keepDays, "5", .number(5)), (.nodes, "[1, 2]", .numbers([1, 2])), (.tasksMax, "infinity", .text("infinity")),
    (.kernelArguments, "quiet", .words(["quiet"])), (.kernelArguments, "quiet  5", .words(["quiet", "5"])),
    (.kernelArguments, "5", .words(["5"])), (.kernelArguments, "[\"a\", 'b']", .words(["a", "b"])),
    (.kernelArguments, "true", .words(["true"])),
    (.kernelArguments, "console=ttyS0,115200", .words(["console=ttyS0,115200"])), (.skippedHooks, "", .words([])),
    (.skippedHooks, "[]", .words([])), (.mail, "", .text("")), (.mail, "root", .text("root")),
    (.rebootWindow, "02:00-05:00", .text("02:00-05:00")),
  ]) func whatIsTypedIsUnderstood(for key: SettingKey, _ text: String, _ value: SettingValue) {
    #expect(key.value(typed: text) == value)
    #expect(key.objection(to: value) == nil)
  }

  @Test(arguments: [
    (SettingKey.policy, "never", "updates.policy is to be one of \"off\", \"check\", \"stage\", \"deploy\""),
    (.policy, "", "updates.policy is to be one of \"off\", \"check\", \"stage\", \"deploy\""),
    (.policy, "\"off\"\n[hooks]", "updates.policy is to be one of \"off\", \"check\", \"stage\", \"deploy\""),
    (.cloneBefore, "yes", "updates.clone-before is to be true or false"),
    (.kernelArguments, "root=x", "boot.kernel-arguments cannot have \"root=x\": root is what ast itself decides about"),
    (
      .skippedHooks, "[\"a/b\"]",
      "hooks.skip cannot have \"a/b\": the name of a hook has letters, digits, \"_\" and \"-\" only"
    ), (.skippedHooks, "a a", "hooks.skip is to be an array of different names, such as [\"keep-ssh\"]"),
  ]) func whatCannotBeIsObjectedTo(for key: SettingKey, _ text: String, _ sentence: String) {
    #expect(key.objection(to: key.value(typed: text)) == sentence)
  }
}
