import Boot
import FoundationEssentials
import Host
import Settings

/// What people are told of an upgrade that nobody watched.
public struct UpdateNews: Sendable {
  /// What everybody who logs in should read; nil where there is nothing to say.
  public let messageOfTheDay: String?
  /// What is written to the one who looks after the machine; nil where nothing has changed or failed.
  public let letter: (subject: String, text: String)?

  /// What there is to tell of it, or of why nothing was begun.
  public init(_ outcome: Result<ScheduledUpgrade, AstError>) {
    switch outcome {
    case .failure(let error):
      messageOfTheDay = Self.failure
      letter = ("upgrade failed", error.message)
    case .success(let done):
      let lines = [
        done.hasSeriousFailure ? Self.failure : nil,
        done.available == 0
          ? nil : "Newer versions of \(done.available) packages are there: `ast upgrade` gets them.\n",
        done.waiting.map { "Deployment \($0.id) of node \($0.node) boots the next time.\n" },
      ].compactMap(\.self)
      messageOfTheDay = lines.isEmpty ? nil : lines.joined()
      let subject = done.hasSeriousFailure ? "upgrade failed" : "upgraded"
      letter =
        done.hasChanged || done.hasSeriousFailure ? (subject, done.sentences.joined(separator: "\n")) : nil
    }
  }

  /// Tells it to those who the settings say are to be told.
  ///
  /// - Throws: `AstError`.
  public func tell(_ settings: UpdateSettings) throws {
    try MessageOfTheDay.updates.set(settings.messageOfTheDay ? messageOfTheDay : nil)
    guard let letter, !settings.mail.isEmpty else { return }
    let host = ProcessInfo.processInfo.hostName
    try Mail(to: settings.mail, about: "ast on \(host): \(letter.subject)", letter.text).send()
  }

  private static let failure = "The last upgrade that nobody watched has failed: `ast check` tells why.\n"
}
