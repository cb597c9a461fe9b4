/// A program that changes packages, initrds or the boot loader. On a booted deployment, whose root is read-only, ast covers
/// it, and says what to type instead.
public enum CoveredProgram: String, CaseIterable, Sendable {
  case addAptRepository = "add-apt-repository"
  case apt
  case aptGet = "apt-get"
  case aptMark = "apt-mark"
  case aptitude
  case debsums
  case dpkg
  case dpkgReconfigure = "dpkg-reconfigure"
  case dracut
  case grubInstall = "grub-install"
  case updateGrub = "update-grub"
  case updateInitramfs = "update-initramfs"

  /// The program at this path; nil if it is none of them.
  public init?(atPath path: String) {
    // aptitude is a link to one of several (update-alternatives(1)), which is what is covered.
    let plain = path == "\(CoveredProgram.aptitude.path)-curses" ? CoveredProgram.aptitude.path : path
    guard let found = Self.allCases.first(where: { $0.path == plain }) else { return nil }
    self = found
  }

  /// Its path.
  public var path: String {
    switch self {
    case .dpkgReconfigure, .grubInstall, .updateGrub, .updateInitramfs: "/usr/sbin/\(rawValue)"
    default: "/usr/bin/\(rawValue)"
    }
  }
}

/// What to type on a booted deployment in place of a command.
public struct CoveredAdvice: Hashable, Sendable {
  /// A command of ast.
  public enum Command: Hashable, Sendable {
    /// A verb with its options, the node that runs, and the words after it.
    case onNode([String], [String])
    /// A command that has no node, with what to type there.
    case live([String])
    /// None: how a machine does without ast stands in a page of the manual.
    case leave
  }

  /// Why the program does not run.
  public let why: String
  /// The command before the node is deployed; nil if deploying it is enough.
  public let command: Command?

  /// The sentence.
  ///
  /// - Parameters:
  ///   - node: the node that runs, as it is typed.
  ///   - quoting: quotes a word for a shell.
  public func sentence(node: String, quoting: (String) -> String) -> String {
    let start = "the running system is read-only, and \(why)"
    switch command {
    case .onNode(let verb, let words):
      let line = (["ast"] + verb + [node] + words.map(quoting)).joined(separator: " ")
      return "\(start): type `\(line)`, then `ast deploy \(node)`"
    case .live(let words):
      return "\(start): type `ast live-chroot`, and there `\(words.map(quoting).joined(separator: " "))`"
    case .leave: return "\(start): LEAVING AST in `man ast-tutorial` says how it is removed"
    case nil: return "\(start): type `ast deploy \(node)`"
    }
  }
}
