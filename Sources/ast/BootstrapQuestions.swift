import AstKit
import FoundationEssentials
import Glibc
import SystemPackage

/// Finds out what a new system is to be: from the options, and from whoever sits at the terminal.
struct BootstrapQuestions {
  private let given: BootstrapSystem
  private let origin: BootstrapSource
  private let isAsked: Bool

  /// What the options say; the rest is asked for if that is wanted.
  init(source: BootstrapSource, system: BootstrapSystem, isAsked: Bool) {
    given = system
    origin = source
    self.isAsked = isAsked
  }

  var source: BaseSource {
    if let tarball = origin.tarball { return .tarball(FilePath(tarball)) }
    return .bootstrap(
      suite: origin.suite ?? "trixie", variant: origin.variant ?? "minimal", mirror: origin.mirror, include: [])
  }

  var kernel: String { origin.kernel ?? "linux-image-amd64" }
  var packages: [String] { origin.packages }

  func answers() throws -> BootstrapAnswers {
    var answers = BootstrapAnswers()
    answers.hostname = try given.hostname ?? ask("The machine's name [debian]: ") ?? "debian"
    (answers.locale, answers.timezone, answers.keymap) = (given.locale, given.timezone, given.keymap)
    answers.serial = given.serial
    answers.rootPassword = try given.rootPassword.map(password(in:)) ?? askPassword("Root's password [none]: ")
    if let name = try given.user ?? ask("A user who may use sudo [none]: ") {
      let password = try given.userPassword.map(password(in:)) ?? askPassword("Password of \(name) [none]: ")
      answers.user = BootstrapAnswers.User(name, password: password)
    }
    answers.sshKeys = try given.sshKey.flatMap(lines(of:)).filter { !$0.isEmpty && !$0.hasPrefix("#") }
    return answers
  }

  private func password(in file: String) throws -> BootstrapAnswers.Password {
    BootstrapAnswers.Password(try lines(of: file).first ?? "")
  }

  private func lines(of file: String) throws -> [String] {
    do {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    } catch {
      throw AstError(.notFound, "cannot read \(file); nothing was changed")
    }
  }

  // MARK: At the terminal

  /// An answer; nil when there is none, or nobody to ask.
  private func ask(_ question: String) throws -> String? {
    guard isAsked else { return nil }
    _ = try FileDescriptor.standardError.writeAll(question.utf8)
    return readLine().flatMap { $0.isEmpty ? nil : $0 }
  }

  /// A password, typed twice and not shown.
  private func askPassword(_ question: String) throws -> BootstrapAnswers.Password? {
    guard isAsked else { return nil }
    while true {
      guard let first = try withoutEcho({ try ask(question) }) else { return nil }
      if try withoutEcho({ try ask("Again: ") }) == first { return BootstrapAnswers.Password(first) }
      FileDescriptor.standardError.tell("They differ.")
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
