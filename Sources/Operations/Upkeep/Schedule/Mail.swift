import FoundationEssentials
import Glibc
import Host
import Settings
import Store
import SystemPackage

/// A mail that this machine sends.
public struct Mail: Sendable {
  /// The recipient, which was checked when the setting was read.
  let address: String
  /// The subject, in one line.
  let subject: String
  /// The body.
  let text: String

  /// A mail to this address.
  public init(to address: String, about subject: String, _ text: String) {
    (self.address, self.subject, self.text) = (address, subject, text)
  }

  /// A mail about this machine to the receiver that the settings name; nil if they name none.
  init?(_ settings: UpdateSettings, about subject: String, _ text: String) {
    guard !settings.mail.isEmpty else { return nil }
    self.init(to: settings.mail, about: "ast on \(ProcessInfo.processInfo.hostName): \(subject)", text)
  }

  /// The place that Debian's mail programs agree on (Debian policy 11.6).
  public static let program: FilePath = "/usr/sbin/sendmail"

  /// Hands the mail to sendmail(8); does nothing if that is not installed.
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

extension Store {
  /// Tells the administrator by mail that the running system is not as it should be.
  ///
  /// - Throws: `AstError` if the mail cannot be sent.
  public func sendMail(aboutBoot failure: String) throws {
    try Mail(try settings.updates, about: "this boot is not good", "\(failure).\n`ast status` tells more.")?.send()
  }
}
