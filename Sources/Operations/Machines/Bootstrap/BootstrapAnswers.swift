import FoundationEssentials
import Host

/// The name, language, accounts and consoles of a new system.
public struct BootstrapAnswers: Sendable, Equatable {
  /// A password, in plain text or as a hash of crypt(5).
  public struct Password: Sendable, Equatable {
    let text: String
    var isHashed: Bool { text.hasPrefix("$") }

    /// A password as it was read.
    public init(_ text: String) { self.text = text }
  }

  /// The user who may use sudo(8).
  public struct User: Sendable, Equatable {
    let name: String
    let password: Password?

    /// A user; without a password only an SSH key lets them in.
    public init(_ name: String, password: Password?) {
      self.name = name
      self.password = password
    }
  }

  /// A serial line for the boot menu, the kernel's messages and a login.
  public struct SerialConsole: Sendable, Equatable {
    let unit: Int
    let speed: Int

    /// Reads `ttyS0,115200`; without a speed it is 115200.
    public init?(_ text: String) {
      let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      guard let port = parts.first, port.hasPrefix("ttyS"), parts.count <= 2, let unit = Int(port.dropFirst(4)),
        let speed = parts.count == 2 ? Int(parts[1]) : 115200, (0...31).contains(unit), speed > 0
      else { return nil }
      self.unit = unit
      self.speed = speed
    }
  }

  /// The machine's name.
  public var hostname = "debian"
  /// The language: `de_DE.UTF-8`. Nil for the C locale with UTF-8.
  public var locale: String?
  /// The time zone: `Europe/Berlin`. Nil for UTC.
  public var timezone: String?
  /// The keyboard, by the names of X: `de`, or with a variant `de:nodeadkeys`. Nil for a US one.
  public var keymap: String?
  /// The password of root; nil if root cannot log in with one.
  public var rootPassword: Password?
  /// A user to make.
  public var user: User?
  /// SSH keys, each a line of authorized_keys: those of the user, or of root when no user is made.
  public var sshKeys: [String] = []
  /// The serial console.
  public var serial: SerialConsole?

  /// The answers before any question: all defaults.
  public init() {}

  /// Whether there is a way to log in.
  public var letsSomebodyIn: Bool { rootPassword != nil || user?.password != nil || !sshKeys.isEmpty }

  /// Makes sure that all answers are valid: they end up in files of the new system.
  func check() throws {
    try require(hostname, "host name", Self.isHostName)
    try require(locale, "locale") { $0.allSatisfy { $0.isWord || "_.@-".contains($0) } }
    try require(timezone, "time zone") { $0.allSatisfy { $0.isWord || "/_+-".contains($0) } && !$0.hasPrefix("/") }
    try require(keymap, "keymap") { $0.allSatisfy { $0.isWord || ":,_-".contains($0) } }
    // Debian's useradd(8) accepts more names; these are accepted by all programs.
    try require(user?.name, "user name") {
      $0.count <= 32 && $0.first?.isLetter == true && $0 == $0.lowercased()
        && $0.allSatisfy { $0.isWord || "_-".contains($0) }
    }
    for key in sshKeys {
      try require(key, "SSH key") { key in
        !key.contains { $0.isNewline } && ["ssh-", "ecdsa-", "sk-"].contains { key.hasPrefix($0) }
      }
    }
    for password in [rootPassword, user?.password].compactMap(\.self) {
      guard !password.text.isEmpty, !password.text.contains(where: { $0.isNewline || $0 == "\0" }) else {
        throw AstError(.usage, "a password is empty or has more than one line", state: .unchanged)
      }
    }
  }

  private func require(_ value: String?, _ name: String, _ isValid: (String) -> Bool) throws {
    guard let value, value.isEmpty || !isValid(value) else { return }
    throw AstError(.usage, "the \(name) is not valid: \(value)", state: .unchanged)
  }

  private static func isHostName(_ name: String) -> Bool {
    name.count <= 64
      && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-" && label.allSatisfy { $0.isWord || $0 == "-" }
      }
  }
}

extension Character {
  fileprivate var isWord: Bool { isASCII && (isLetter || isNumber) }
}
