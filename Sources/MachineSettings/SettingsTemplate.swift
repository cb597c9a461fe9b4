extension Settings {
  /// The file that nodes come with: the machine's settings with their defaults, as comments.
  public static var template: String {
    var text = """
      # The settings of ast: see ast.toml(5). As they stand here, they are in force anyway.
      # Files in /etc/ast/ast.toml.d are read after this one, by their names (*.toml), and win key by key.

      """
    var section = ""
    for key in SettingKey.allCases where key.isSetting(of: .machine) {
      if key.section != section {
        section = key.section
        text += "\n[\(section)]\n"
      } else {
        text += "\n"
      }
      for line in key.definition.meaning.split(separator: "\n") { text += "# \(line)\n" }
      text += "#\(key.name) = \(key.definition.standard.toml)\n"
    }
    return text
  }
}
