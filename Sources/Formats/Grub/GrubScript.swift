import SystemPackage

/// Data as words of GRUB's script language.
enum GrubScript {
  /// One word that is exactly `text` (GRUB manual, 6.1 "Quoting"): between single quotes every character except a
  /// single quote stands for itself.
  static func word(_ text: String) -> String { "'\(text.replacing("'", with: #"'\''"#))'" }

  /// A path as one word. It begins with a slash whether it is absolute or not.
  static func word(_ path: FilePath) -> String { word(FilePath(root: "/").pushing(path.relative).string) }
}

extension FilePath {
  /// The path without a slash at its beginning.
  var relative: FilePath { FilePath(root: nil, components) }
}
