public import FoundationEssentials

/// The title of an entry in the boot menu. What tells systems apart comes first: GRUB cuts a long title off at the edge of
/// the screen, which may have 80 columns.
public struct BootMenuTitle: Hashable, Sendable {
  /// The node.
  public var node: Int
  /// Its generation.
  public var generation: Int
  /// The time it was made.
  public var date: Date
  /// The user's description of the node.
  public var description: String
  /// The name of the system in it, such as "Debian GNU/Linux 13 (trixie)".
  public var system: String

  /// The parts of a title.
  public init(node: Int, generation: Int, date: Date, description: String, system: String) {
    self.node = node
    self.generation = generation
    self.date = date
    self.description = description
    self.system = system
  }

  /// The most characters a title has: more than a screen is wide.
  private static let limit = 200
  /// The columns of the narrowest screen that show a title: the frame and its margins take the others.
  private static let screen = 74
  /// The most and the fewest characters of a description: what follows is on the screen, too.
  private static let descriptionLimits = 16...40

  /// The title in one line, without control characters, and with `notes`.
  func line(_ notes: [String]) -> String {
    let words = Self.visible(description)
    let node = (["node \(node)"] + notes).joined(separator: ", ")
    let room = Self.screen - " - \(node)".count
    let limit = min(max(room, Self.descriptionLimits.lowerBound), Self.descriptionLimits.upperBound)
    let begin = words.unicodeScalars.count > limit ? Self.clipped(words, limit - 3) + "..." : words
    let title = begin.isEmpty ? "N\(node.dropFirst())" : "\(begin) - \(node)"
    let line = "\(title) (generation \(generation), \(minute))"
    return Self.clipped(system.isEmpty ? line : "\(line) - \(Self.visible(system))", Self.limit)
  }

  private static func clipped(_ text: String, _ limit: Int) -> String { String(text.unicodeScalars.prefix(limit)) }

  /// The date to the minute.
  private var minute: String {
    date.formatted(.iso8601).prefix(16).replacing("T", with: " ") + " UTC"
  }

  /// Every run of white space and control characters becomes one space; characters that change the direction of writing
  /// are removed.
  private static func visible(_ text: String) -> String {
    let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
    let line = words.map { word in
      String(String.UnicodeScalarView(word.filter { $0.properties.generalCategory != .format }))
    }
    return line.joined(separator: " ")
  }
}
