import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// The manual pages, compared with the program's own help.
@Suite("Manual pages", .requiresRoot)
struct ManualTests {
  /// The formatted pages of section 8, by name.
  private let pages: [String: String]

  init() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Checkout.manual.string)
    pages = try Dictionary(
      uniqueKeysWithValues: names.filter { $0.hasSuffix(".8") }.map { ($0, try Self.text(of: $0)) })
  }

  private static func text(of name: String) throws -> String {
    let drawn = try runSuccessfully(["mandoc", "-T", "ascii", "-O", "width=78", Checkout.manual.appending(name).string])
    // Bold and underlined letters are struck twice.
    return drawn.replacing(/.\u{8}/, with: "")
  }

  @Test func pagesHaveNoFaults() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Checkout.manual.string) {
      let page = Checkout.manual.appending(name).string
      #expect(try run(["mandoc", "-T", "lint", "-W", "warning", page]).stdout == "", "\(name)")
    }
  }

  @Test func pagesFitATerminal() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Checkout.manual.string) {
      let wide = try Self.text(of: name).split(separator: "\n").filter { $0.count > 80 }
      #expect(wide.isEmpty, "\(name): \(wide)")
    }
  }

  @Test func everyVerbIsOnOnePageWithAllItsOptions() throws {
    let general = try #require(pages["ast.8"])
    var verbs = 0
    for verb in try Self.command["subcommands"].elements where verb["shouldDisplay"] == .bool(true) {
      guard case .text(let name) = verb["commandName"], name != "help" else { continue }
      verbs += 1
      let described = pages.filter { $0.key != "ast.8" && $0.value.hasParagraph(named: name) }
      #expect(described.count == 1, "\(name): \(described.keys.sorted())")
      #expect(general.words.contains(name), "\(name) is not in the list of ast.8")
      let words = (described.first?.value.words ?? []).union(general.words)
      for argument in verb["arguments"].elements
      where argument["kind"] != .text("positional") && argument["shouldDisplay"] == .bool(true) {
        for option in argument["names"].elements {
          guard case .text(let letters) = option["name"] else { continue }
          let typed = (option["kind"] == .text("long") ? "--" : "-") + letters
          let isDescribed = words.contains(typed)
          #expect(isDescribed, "\(name) \(typed)")
        }
      }
    }
    #expect(verbs > 40)
  }

  /// The program's description of its command line.
  private static var command: JSON {
    get throws {
      let text = try runSuccessfully([AstBinary.path.string, "--experimental-dump-help"])
      return try JSONDecoder().decode(JSON.self, from: Data(text.utf8))["command"]
    }
  }
}

extension String {
  /// Whether a paragraph of a list begins with this word.
  fileprivate func hasParagraph(named name: String) -> Bool {
    split(separator: "\n").contains { $0 == "     \(name)" || $0.hasPrefix("     \(name) ") }
  }

  /// The words, without separators.
  fileprivate var words: Set<String> {
    Set(split { $0.isWhitespace || "[]|,.;:=()".contains($0) }.map(String.init))
  }
}
