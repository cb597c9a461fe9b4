public import FoundationEssentials

/// What an entry of the boot menu is called. What tells two entries apart comes first: GRUB cuts a long title off at the
/// edge of the screen.
public struct BootMenuTitle: Hashable, Sendable {
  /// The node.
  public var node: Int
  /// Its generation.
  public var generation: Int
  /// When it was made.
  public var date: Date
  /// What the user says the node is.
  public var description: String
  /// What it calls itself, such as "Debian GNU/Linux 13 (trixie)".
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

  /// The title in one line without anything a terminal would act on; `notes` stand in it too.
  func line(_ notes: [String]) -> String {
    let facts = (["generation \(generation)", minute] + notes).joined(separator: ", ")
    let words = [description, system].filter { !$0.isEmpty }.joined(separator: " - ")
    return Self.visible("Node \(node) (\(facts)): \(words)")
  }

  /// The date to the minute.
  private var minute: String {
    date.formatted(.iso8601).prefix(16).replacing("T", with: " ") + " UTC"
  }

  /// Every run of white space and control characters becomes one space; characters that turn the direction of writing go.
  private static func visible(_ text: String) -> String {
    let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control }
    let line = words.map { word in
      String(String.UnicodeScalarView(word.filter { $0.properties.generalCategory != .format }))
    }
    return String(line.joined(separator: " ").unicodeScalars.prefix(limit))
  }
}
