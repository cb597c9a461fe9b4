/// What becomes of a command line of a covered program on a booted deployment.
///
/// Where it is not certain that the running system would be changed, the real program runs: the root is read-only, and a
/// hook of apt and dpkg refuses what they would do to it.
public enum CoveredCommand: Hashable, Sendable {
  /// The real program runs.
  case run
  /// The same; without indices of packages it says little.
  case runWithIndices
  /// The same, and sees the real programs in the places of all: it compares them with their checksums.
  case runUncovered
  /// Nothing runs, and a sentence says what to type.
  case explain(CoveredAdvice)

  /// - Parameters:
  ///   - words: the words of the command after the program.
  ///   - environment: the environment of the command.
  public init(_ program: CoveredProgram, _ words: [String], environment: [String: String]) {
    guard !Self.isElsewhere(environment) else {
      self = .run
      return
    }
    switch program {
    case .apt, .aptGet, .aptMark, .aptitude: self = Self.apt(program, words)
    case .dpkg: self = Self.dpkg(words)
    case .debsums: self = .runUncovered
    case .updateGrub: self = .explain(CoveredAdvice(why: "ast writes the boot menu", command: nil))
    case .grubInstall: self = Self.grubInstall(words)
    case .dracut: self = Self.other(program, words, looking: Self.looksOfDracut, "an initrd belongs to its node")
    case .updateInitramfs: self = Self.other(program, words, looking: Self.help, "an initrd belongs to its node")
    case .dpkgReconfigure: self = Self.other(program, words, looking: Self.help, Self.packagesAreChanged)
    case .addAptRepository:
      self = Self.other(program, words, looking: Self.help + ["-L", "--list"], "packages come from its node's sources")
    }
  }

  /// Whether the environment names another root, or says that changing the running system is intended.
  private static func isElsewhere(_ environment: [String: String]) -> Bool {
    environment["AST_LIVE"] == "1"
      || ["APT_CONFIG", "DPKG_ROOT", "DPKG_ADMINDIR"].contains { environment[$0, default: ""] != "" }
  }

  private static let packagesAreChanged = "packages are changed in its node"
  private static let help = ["-h", "--help", "--version"]
  private static let looksOfDracut = help + ["--list-modules", "--print-cmdline", "-r", "--sysroot"]

  private static func explain(_ why: String, _ verb: [String], _ words: [String]) -> CoveredCommand {
    guard verb.first != "remove" || !words.contains("ast") else {
      return .explain(CoveredAdvice(why: "ast starts it", command: .leave))
    }
    return .explain(CoveredAdvice(why: why, command: .onNode(verb, words)))
  }

  /// A program that changes something unless it has one of the options of `looking`: the same in the node.
  private static func other(
    _ program: CoveredProgram, _ words: [String], looking: [String], _ why: String
  ) -> CoveredCommand {
    let looks = words.contains { word in looking.contains { word == $0 || word.hasPrefix("\($0)=") } }
    return looks ? .run : explain(why, ["run"], [program.rawValue] + words)
  }

  private static func grubInstall(_ words: [String]) -> CoveredCommand {
    let elsewhere = ["-V", "--root-directory", "--boot-directory"]
    let advice = other(.grubInstall, words, looking: help + elsewhere, "all deployments share the boot loader")
    guard case .explain(let usual) = advice else { return .run }
    return .explain(CoveredAdvice(why: usual.why, command: .live([CoveredProgram.grubInstall.rawValue] + words)))
  }

  // MARK: apt

  private static func apt(_ program: CoveredProgram, _ words: [String]) -> CoveredCommand {
    let line = AptCommandLine(words)
    guard !line.isHarmless else { return .run }
    guard let verb = line.names.first else {
      return program == .aptitude ? explain(packagesAreChanged, ["run"], [program.rawValue] + words) : .run
    }
    let names = Array(line.names.dropFirst())
    switch verb {
    case _ where queries.contains(verb): return .runWithIndices
    case _ where looks.contains(verb): return .run
    case "install", "reinstall": return explain(packagesAreChanged, ["install"], names)
    case "remove": return explain(packagesAreChanged, ["remove"] + (line.purges ? ["--purge"] : []), names)
    case "purge": return explain(packagesAreChanged, ["remove", "--purge"], names)
    case "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade":
      return explain(packagesAreChanged, ["upgrade"], [])
    case "hold", "unhold": return explain(packagesAreChanged, [verb], names)
    default: return explain(packagesAreChanged, ["run"], [program.rawValue] + words)
    }
  }

  /// The verbs of apt(8), apt-get(8) and aptitude(8) whose answer is in the indices.
  private static let queries: Set = [
    "search", "show", "showsrc", "showpkg", "policy", "madison", "depends", "rdepends", "source", "download",
    "changelog",
    "versions",
  ]
  /// Other verbs, those of apt-mark(8) among them, that change neither packages nor what belongs to the node.
  private static let looks: Set = [
    "list", "update", "check", "clean", "autoclean", "auto-clean", "distclean", "dist-clean", "indextargets", "help",
    "moo", "why", "why-not", "history-list", "history-info", "showauto", "showmanual", "showhold", "showholds",
    "showheld",
  ]

  // MARK: dpkg

  private static func dpkg(_ words: [String]) -> CoveredCommand {
    let options = words.prefix { $0 != "--" }.filter { $0.hasPrefix("-") }
    let long = Set(options.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } }.map(String.init))
    // -D has its value in the same word.
    let short = Set(options.filter { !$0.hasPrefix("--") }.flatMap { $0.dropFirst().prefix { $0 != "D" } })
    guard long.isDisjoint(with: ["--root", "--instdir", "--admindir", "--no-act", "--dry-run", "--simulate"]) else {
      return .run
    }
    guard !long.contains("--verify"), !short.contains("V") else { return .runUncovered }
    let names = words.filter { !$0.hasPrefix("-") }
    if short.contains("i") || long.contains("--install") || long.contains("--unpack") {
      // To ast, what has no slash in it is the name of a package.
      return explain(packagesAreChanged, ["install"], names.map { $0.contains("/") ? $0 : "./\($0)" })
    }
    if short.contains("r") || long.contains("--remove") { return explain(packagesAreChanged, ["remove"], names) }
    if short.contains("P") || long.contains("--purge") {
      return explain(packagesAreChanged, ["remove", "--purge"], names)
    }
    guard short.contains("A") || !long.isDisjoint(with: changesOfDpkg) else { return .run }
    return explain(packagesAreChanged, ["run"], [CoveredProgram.dpkg.rawValue] + words)
  }

  /// The other actions of dpkg(1) that change its database.
  private static let changesOfDpkg: Set = [
    "--configure", "--triggers-only", "--set-selections", "--clear-selections", "--update-avail", "--merge-avail",
    "--clear-avail", "--forget-old-unavail", "--record-avail", "--add-architecture", "--remove-architecture",
  ]
}
