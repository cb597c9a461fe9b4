import FoundationEssentials
import SystemPackage
import Testing

@testable import TOMLFiles
@testable import Settings

@Suite struct BootstrapFileTests {
  private func read(_ text: String) throws -> BootstrapFile {
    let path = FilePath("/tmp/ast-answers-\(UUID()).toml")
    try Data(text.utf8).write(to: URL(filePath: path.string))
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    return try BootstrapFile(path)
  }

  private func complaint(_ text: String) -> String {
    do {
      return "\(try read(text))"
    } catch ConfigurationError.wrong(_, let reason) {
      return reason
    } catch {
      return "\(error)"
    }
  }

  @Test func allKeys() throws {
    let file = try read(
      """
      # A comment.
      image = "/srv/disk.img"
      size = "12G"
      boot-partition = "512M"
      encrypt = true
      passphrase = "correct horse"
      suite = "bookworm"
      include = ["vim", "htop"]
      hostname = "web"
      root-password = "$6$salt$hash"
      user = "anna"
      user-password = "it's \\"quoted\\""
      ssh-keys = ["ssh-ed25519 AAAA anna@home"]
      serial = "ttyS0,115200"
      """)
    var expected = BootstrapFile()
    expected.image = "/srv/disk.img"
    expected.size = "12G"
    expected.bootPartition = "512M"
    expected.encrypt = true
    expected.passphrase = "correct horse"
    expected.suite = "bookworm"
    expected.include = ["vim", "htop"]
    expected.hostname = "web"
    expected.rootPassword = "$6$salt$hash"
    expected.user = "anna"
    expected.userPassword = "it's \"quoted\""
    expected.sshKeys = ["ssh-ed25519 AAAA anna@home"]
    expected.serial = "ttyS0,115200"
    #expect(file == expected)
  }

  @Test func emptyFileHasNoAnswers() throws { #expect(try read("") == BootstrapFile()) }

  @Test func keysThatMeanNothing() {
    #expect(complaint("hostname = \"a\"\nhostnam = \"b\"\nzone = 1") == "unknown keys: hostnam, zone")
  }

  @Test func syntaxErrorHasItsPlace() {
    #expect(complaint("hostname = \"a\"\nuser = x\"").hasPrefix("line 2, column 8: "))
  }

  @Test func valueOfAnotherKind() {
    #expect(complaint("hostname = 5") == "hostname has a value of the wrong kind")
    #expect(complaint("encrypt = \"yes\"") == "encrypt has a value of the wrong kind")
    #expect(complaint("include = \"vim\"") == "include has a value of the wrong kind")
  }

  @Test func missingFile() {
    #expect(throws: ConfigurationError.unreadable("/nonexistent.toml")) { try BootstrapFile("/nonexistent.toml") }
  }
}
