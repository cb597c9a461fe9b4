/// A word for the kernel's command line that a node may choose.
enum KernelArgument {
  /// The reason why a text is not a valid argument; nil if it is.
  static func objection(to text: String) -> String? {
    guard isWord(text) else {
      return "an argument begins with a letter or a digit, and is ASCII without spaces, quotes and backslashes"
    }
    // The kernel and systemd treat both signs alike.
    let name = String(text.prefix { $0 != "=" }.map { $0 == "-" ? "_" : $0 })
    guard own.contains(name) || name.hasPrefix("ast.") else { return nil }
    return "\(name) is what ast itself decides about"
  }

  /// The argument must reach the kernel unchanged: GRUB puts quotes around words with a space, and a backslash before
  /// quotes and backslashes. A sign alone could be `--`, which ends the arguments of the kernel.
  private static func isWord(_ text: String) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter || first.isNumber else { return false }
    return text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !#""'\`"#.utf8.contains($0) }
  }

  /// The arguments that the boot menu sets, and `init`: a system that is not started by systemd has no writable /etc,
  /// and is never marked good.
  private static let own: Set<String> = [
    "root", "rootflags", "ro", "rw", "init", "panic", "systemd.machine_id",
  ]
}
