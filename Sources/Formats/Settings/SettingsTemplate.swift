extension Settings {
  /// A file with all settings of an owner and their defaults, as comments.
  public static func template(of owner: Owner) -> String {
    var text = heading(of: owner)
    var section = ""
    for key in SettingKey.allCases where key.isSetting(of: owner) {
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

  private static func heading(of owner: Owner) -> String {
    switch owner {
    case .machine:
      """
      # The settings of ast: see ast.toml(5). These are the defaults.
      # Files in /etc/ast/ast.toml.d are read after this one, by their names (*.toml), and win key by key.

      """
    case .node:
      """
      # The settings of this node alone: see ast.toml(5). Lines without a # win over ast.toml.

      """
    }
  }
}
