import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// A mail that this machine sends.
public struct Mail: Sendable {
  /// Who gets it; checked by whoever read the setting.
  let address: String
  /// What it is about, in one line.
  let subject: String
  /// What it says.
  let text: String

  /// A mail to somebody.
  public init(to address: String, about subject: String, _ text: String) {
    (self.address, self.subject, self.text) = (address, subject, text)
  }

  /// Where Debian's mail programs have it (Debian policy 11.6).
  public static let program: FilePath = "/usr/sbin/sendmail"

  /// Hands it over to sendmail(8); does nothing where there is none.
  ///
  /// - Throws: `AstError`.
  public func send(through program: FilePath = Mail.program) throws {
    guard access(program.string, X_OK) == 0 else { return }
    let content = """
      To: \(address)
      Subject: \(subject)
      Auto-Submitted: auto-generated
      Content-Type: text/plain; charset=utf-8

      \(text)

      """
    try ChildProcess(program.string, ["-i", "--", address]).run(reading: Data(content.utf8))
  }
}
