/// A command line of apt(8), apt-get(8) or aptitude(8), as far as it says whether the running system would be changed.
struct AptCommandLine {
  /// The verb and the words after it that are not options.
  private(set) var names: [String] = []
  /// Whether it shows or downloads something, or is about another root.
  private(set) var isHarmless = false
  /// Whether what is removed is purged.
  private(set) var purges = false

  /// Reads the words after the program.
  init(_ words: [String]) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        names += rest
        return
      }
      if word.hasPrefix("--") {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
          String.init)
        let name = parts.first ?? ""
        if let short = Self.withValue[name] { read(short, parts.count > 1 ? parts[1] : rest.popFirst() ?? "") }
        isHarmless = isHarmless || Self.harmless.contains(name)
        purges = purges || name == "purge"
      } else if word.hasPrefix("-"), word.count > 1 {
        readShort(word.dropFirst(), &rest)
      } else {
        names.append(word)
      }
    }
  }

  /// Options of one letter, in one word; the last one may have its value there, or in the next word.
  private mutating func readShort(_ letters: Substring, _ rest: inout ArraySlice<String>) {
    for (letter, after) in zip(letters, letters.indices.map { letters[letters.index(after: $0)...] }) {
      guard letter != "=" else { return }
      if Self.withValue.values.contains(letter) {
        let value = after.isEmpty ? rest.popFirst() ?? "" : String(after.hasPrefix("=") ? after.dropFirst() : after)
        return read(letter, value)
      }
      isHarmless = isHarmless || "sdhv".contains(letter)
    }
  }

  private mutating func read(_ option: Character, _ value: String) {
    // Names of settings are the same in capitals (apt.conf(5)).
    let setting = value.lowercased()
    if option == "o", setting.hasPrefix("dir") || setting.hasPrefix("rootdir") { isHarmless = true }
  }

  private static let withValue: [String: Character] = [
    "option": "o", "config-file": "c", "target-release": "t", "default-release": "t", "host-architecture": "a",
    "build-profiles": "P",
  ]
  private static let harmless: Set = [
    "simulate", "just-print", "dry-run", "recon", "no-act", "download-only", "print-uris", "help", "version",
  ]
}
