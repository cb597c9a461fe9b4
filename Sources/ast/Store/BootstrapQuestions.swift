import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Machines
import SystemPackage
import TOMLFiles

/// The answers that configure a new system: from the options, else from the file of answers, else from the user at the
/// terminal.
struct BootstrapQuestions {
  private let origin: BootstrapSource
  private let given: BootstrapSystem
  private let file: BootstrapFile
  private let isAsked: Bool

  init(_ origin: BootstrapSource, _ given: BootstrapSystem, _ file: BootstrapFile, isAsked: Bool) {
    self.origin = origin
    self.given = given
    self.file = file
    self.isAsked = isAsked
  }

  var source: BaseSource {
    let saysSuite = (origin.suite ?? origin.variant ?? origin.mirror) != nil
    if let tarball = origin.tarball ?? (saysSuite ? nil : file.tarball) { return .tarball(FilePath(tarball)) }
    return .bootstrap(
      suite: origin.suite ?? file.suite ?? "trixie", variant: origin.variant ?? file.variant ?? "minimal",
      mirror: origin.mirror ?? file.mirror, include: [], aptOptions: [])
  }

  var kernel: String { origin.kernel ?? file.kernel ?? DebianArchitecture.current.kernelPackage }
  var packages: [String] { origin.include.map { $0.split(separator: ",").map(String.init) } ?? file.include ?? [] }

  func answers() throws -> BootstrapAnswers {
    var answers = BootstrapAnswers()
    answers.hostname = try given.hostname ?? file.hostname ?? ask("The machine's name [debian]: ") ?? "debian"
    answers.locale = given.locale ?? file.locale
    answers.timezone = given.timezone ?? file.timezone
    answers.keymap = given.keymap ?? file.keymap
    answers.serial = try given.serial ?? file.serial.map(serialConsole)
    answers.rootPassword = try password(given.rootPassword, file.rootPassword, "Root's password [none]: ")
    if let name = try given.user ?? file.user ?? ask("A user who may use sudo [none]: "), !name.isEmpty {
      let password = try password(given.userPassword, file.userPassword, "Password of \(name) [none]: ")
      answers.user = BootstrapAnswers.User(name, password: password)
    }
    let keys = try given.sshKey.isEmpty ? file.sshKeys ?? [] : given.sshKey.flatMap(lines(of:))
    answers.sshKeys = keys.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    return answers
  }

  /// The passphrase of the disk; nil for a disk that is not encrypted.
  ///
  /// - Throws: `AstError` (usage) if there is none, and no user can be asked.
  func passphrase(for target: BootstrapTarget) throws -> DiskPassphrase? {
    guard target.encrypt || file.encrypt == true else { return nil }
    if let path = target.passphrase { return try DiskPassphrase(lines(of: path).first ?? "") }
    if let text = file.passphrase { return try DiskPassphrase(text) }
    guard let text = try askTwice("Passphrase of the disk: ") else {
      throw AstError(
        .usage, "an encrypted disk needs a passphrase", state: .unchanged,
        hint: "`--passphrase` names a file with it; on a terminal, ast asks for it")
    }
    return try DiskPassphrase(text)
  }

  private func serialConsole(_ text: String) throws -> BootstrapAnswers.SerialConsole {
    guard let serial = BootstrapAnswers.SerialConsole(text) else {
      throw AstError(.usage, "\(text) is not a serial line", state: .unchanged, hint: "an example is ttyS0,115200")
    }
    return serial
  }

  /// The password in the first line of a file, or the answer; an empty answer means no password.
  private func password(
    _ path: String?, _ answer: String?, _ question: String
  ) throws -> BootstrapAnswers.Password? {
    if let path { return BootstrapAnswers.Password(try lines(of: path).first ?? "") }
    if let answer { return answer.isEmpty ? nil : BootstrapAnswers.Password(answer) }
    return try askPassword(question)
  }

  private func lines(of file: String) throws -> [String] {
    do {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } catch {
      throw AstError(.notFound, "cannot read \(file)", state: .unchanged)
    }
  }

  // MARK: At the terminal

  /// The user's answer; nil if it is empty, or no user can be asked.
  private func ask(_ question: String) throws -> String? {
    guard isAsked else { return nil }
    _ = try FileDescriptor.standardError.writeAll(question.utf8)
    return readLine().flatMap { $0.isEmpty ? nil : $0 }
  }

  private func askPassword(_ question: String) throws -> BootstrapAnswers.Password? {
    try askTwice(question).map(BootstrapAnswers.Password.init)
  }

  /// An answer that the user types twice, and that is not shown.
  private func askTwice(_ question: String) throws -> String? {
    guard isAsked else { return nil }
    while true {
      guard let first = try withoutEcho({ try ask(question) }) else { return nil }
      if try withoutEcho({ try ask("Again: ") }) == first { return first }
      FileDescriptor.standardError.tell("The answers differ.")
    }
  }

  private func withoutEcho(_ body: () throws -> String?) throws -> String? {
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return try body() }
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
      FileDescriptor.standardError.tell("")
    }
    return try body()
  }
}
