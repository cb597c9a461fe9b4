import Boot
import FoundationEssentials
import Host
import Settings

/// The messages to users about a scheduled upgrade.
public struct UpdateNews: Sendable {
  /// The message of the day; nil if there is none.
  public let messageOfTheDay: String?
  /// The mail to the administrator; nil if nothing was changed and nothing failed.
  public let letter: (subject: String, text: String)?

  /// The messages about an upgrade, or about the error that kept it from starting.
  public init(_ outcome: Result<ScheduledUpgrade, AstError>) {
    switch outcome {
    case .failure(let error):
      messageOfTheDay = Self.failure
      letter = ("upgrade failed", error.message)
    case .success(let done):
      let upgrades = done.upgradable.map { node, plan in
        let (packages, option) = (plan.steps.count, plan.isSecurityOnly ? "--security " : "")
        return "\(packages) package\(packages == 1 ? "" : "s") of node \(node) can be upgraded:"
          + " run `ast upgrade \(option)\(node)`.\n"
      }
      let waiting = done.waiting.map { "Deployment \($0.id) of node \($0.node) boots the next time.\n" }
      let lines = (done.hasSeriousFailure ? [Self.failure] : []) + upgrades + [waiting].compactMap(\.self)
      messageOfTheDay = lines.isEmpty ? nil : lines.joined()
      let subject = done.hasSeriousFailure ? "upgrade failed" : "upgraded"
      letter =
        done.hasChanged || done.hasSeriousFailure ? (subject, done.sentences.joined(separator: "\n")) : nil
    }
  }

  /// Sets the message of the day and sends the mail, if the settings want them.
  ///
  /// - Throws: `AstError`.
  public func tell(_ settings: UpdateSettings) throws {
    try MessageOfTheDay.updates.set(settings.messageOfTheDay ? messageOfTheDay : nil)
    guard let letter else { return }
    try Mail(settings, about: letter.subject, letter.text)?.send()
  }

  private static let failure = "The last scheduled upgrade failed: `ast check` shows why.\n"
}
