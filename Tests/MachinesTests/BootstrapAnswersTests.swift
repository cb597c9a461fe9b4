import Host
import Testing

@testable import Machines

@Suite struct BootstrapAnswersTests {
  @Test(arguments: ["debian", "a", "web-1", "web.example.org", String(repeating: "x", count: 64)])
  func goodHostNames(name: String) throws {
    var answers = BootstrapAnswers()
    answers.hostname = name
    try answers.check()
  }

  @Test(arguments: ["", "a b", "-a", "a-", "a..b", "a\nb", "ä", "$(id)", String(repeating: "x", count: 65)])
  func badHostNames(name: String) {
    var answers = BootstrapAnswers()
    answers.hostname = name
    #expect(throws: AstError.self) { try answers.check() }
  }

  @Test(arguments: ["root:x", "Anna", "1anna", "anna b", "-anna", "anna\n", ""])
  func badUserNames(name: String) {
    var answers = BootstrapAnswers()
    answers.user = BootstrapAnswers.User(name, password: nil)
    #expect(throws: AstError.self) { try answers.check() }
  }

  @Test(arguments: ["", "two\nlines", "nul\0"])
  func badPasswords(text: String) {
    var answers = BootstrapAnswers()
    answers.rootPassword = BootstrapAnswers.Password(text)
    #expect(throws: AstError.self) { try answers.check() }
  }

  @Test func everythingElseIsCheckedToo() {
    let mistakes: [(inout BootstrapAnswers) -> Void] = [
      { $0.locale = "de_DE.UTF-8\nevil" }, { $0.timezone = "/etc/passwd" }, { $0.keymap = "de\"" },
      { $0.sshKeys = ["no key"] }, { $0.sshKeys = ["ssh-ed25519 AAAA\ncommand"] },
    ]
    for mistake in mistakes {
      var answers = BootstrapAnswers()
      mistake(&answers)
      #expect(throws: AstError.self) { try answers.check() }
    }
  }

  @Test func aPasswordIsHashedWhenItLooksLikeIt() {
    #expect(BootstrapAnswers.Password("$y$j9T$salt$hash").isHashed)
    #expect(!BootstrapAnswers.Password("secret").isHashed)
  }

  @Test(arguments: ["ttyS0,115200", "ttyS0", "ttyS1,9600"])
  func goodSerialLines(text: String) { #expect(BootstrapAnswers.SerialConsole(text) != nil) }

  @Test(arguments: ["", "tty0", "ttyS", "ttyS0,", "ttyS0,fast", "ttyS0,9600,8n1", "ttyS99", "ttyS0,-1"])
  func badSerialLines(text: String) { #expect(BootstrapAnswers.SerialConsole(text) == nil) }

  @Test func packagesAreThoseThatTheAnswersNeed() {
    let plain = Set(BootstrapPackages(kernel: "kernel", for: BootstrapAnswers(), and: [], on: .amd64).names)
    var answers = BootstrapAnswers()
    answers.locale = "de_DE.UTF-8"
    answers.timezone = "Europe/Berlin"
    answers.keymap = "de"
    answers.user = BootstrapAnswers.User("anna", password: nil)
    answers.sshKeys = ["ssh-ed25519 AAAA anna"]
    let all = BootstrapPackages(kernel: "kernel", for: answers, and: ["vim", "sudo"], on: .amd64).names
    #expect(
      Set(all).subtracting(plain) == [
        "locales", "tzdata", "console-setup", "keyboard-configuration", "sudo", "openssh-server", "vim",
      ])
    #expect(Set(all).count == all.count)
  }

  @Test(arguments: [
    ([], "trixie", ["cryptsetup-initramfs"]), (["dracut"], "trixie", ["cryptsetup", "systemd-cryptsetup"]),
    (["dracut"], "bookworm", ["cryptsetup"]), (["dracut"], nil, ["cryptsetup", "systemd-cryptsetup"]),
  ])
  func anEncryptedDiskNeedsWhatOpensIt(more: [String], release: String?, expected: [String]) {
    func names(isEncrypted: Bool) -> Set<String> {
      Set(
        BootstrapPackages(
          kernel: "kernel", for: BootstrapAnswers(), and: more, isEncrypted: isEncrypted, release: release, on: .amd64
        ).names)
    }
    #expect(names(isEncrypted: true).subtracting(names(isEncrypted: false)) == Set(expected))
  }
}
