/// A word for the kernel's command line that is a node's to choose.
enum KernelArgument {
  /// Why a text is none; nil where it is one.
  static func objection(to text: String) -> String? {
    guard isWord(text) else {
      return "an argument begins with a letter or a digit, and is ASCII without spaces, quotes and backslashes"
    }
    // To the kernel and to systemd, both signs are the same.
    let name = String(text.prefix { $0 != "=" }.map { $0 == "-" ? "_" : $0 })
    guard own.contains(name) || name.hasPrefix("ast.") else { return nil }
    return "\(name) is what ast itself decides about"
  }

  /// What stands there reaches the kernel as it is: GRUB puts quotes around what has a space in it, and a backslash before
  /// quotes and backslashes. A sign alone could be `--`, which ends the arguments of the kernel.
  private static func isWord(_ text: String) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter || first.isNumber else { return false }
    return text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !#""'\`"#.utf8.contains($0) }
  }

  /// What the boot menu tells the kernel, and `init`: a system that systemd does not start has no /etc to write in, and
  /// is never found good.
  private static let own: Set<String> = [
    "root", "rootflags", "ro", "rw", "init", "panic", "systemd.machine_id",
  ]
}
