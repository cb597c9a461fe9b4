/// Arguments of the kernel, taken apart as the kernel does it (`lib/cmdline.c`, `next_arg`): white space separates them,
/// except between double quotes.
public struct KernelArguments: Hashable, Sendable {
  /// The arguments, without the quotes: GRUB puts quotes around each one that contains a space.
  public private(set) var words: [String] = []

  /// The arguments of a command line.
  public init(_ text: String) {
    var word: String?
    var isQuoted = false
    for scalar in text.unicodeScalars {
      if scalar == "\"" {
        isQuoted.toggle()
        word = word ?? ""
      } else if Self.space.contains(scalar) {
        // GRUB quotes only words with a space.
        if isQuoted { word = (word ?? "") + " " } else { end(&word) }
      } else {
        word = (word ?? "") + String(scalar)
      }
    }
    end(&word)
  }

  /// The arguments with `subvolume` for the root: the last `rootflags` counts, so each of them names it.
  func booting(_ subvolume: String) -> [String] {
    words.map { word in
      guard word.hasPrefix(Self.rootFlags) else { return word }
      return "\(Self.rootFlags)subvol=\(subvolume),\(word.dropFirst(Self.rootFlags.count))"
    }
  }

  /// Whether an argument says where the memory is after hibernation, or not to look for it.
  public static func saysWhereToResume(_ word: String) -> Bool {
    word == "noresume" || word.hasPrefix("resume=") || word.hasPrefix("resume_offset=")
  }

  static let rootFlags = "rootflags="

  /// The ASCII characters for which the kernel's `isspace` is true.
  private static let space: Set<Unicode.Scalar> = [" ", "\t", "\n", "\r", "\u{b}", "\u{c}"]

  private mutating func end(_ word: inout String?) {
    if let word { words.append(word) }
    word = nil
  }
}
