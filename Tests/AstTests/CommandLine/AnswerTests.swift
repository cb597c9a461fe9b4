import SystemPackage
import TestSupport
import Testing

/// The words with which a question can be answered, in real locales.
@Suite("Answers", .requiresRoot, .serialized)
struct AnswerTests {
  /// A directory with a few locales, which LOCPATH names.
  private static let locales = Result {
    let directory = try LoopBtrfs.shared.newDirectory()
    for (name, source, charset) in [
      ("de_DE.UTF-8", "de_DE", "UTF-8"), ("ja_JP.UTF-8", "ja_JP", "UTF-8"), ("ru_RU.KOI8-R", "ru_RU", "KOI8-R"),
      ("el_GR.UTF-8", "el_GR", "UTF-8"),
    ] {
      // Warnings about a source have status 1.
      _ = try run(["localedef", "-c", "-i", source, "-f", charset, directory.appending(name).string])
    }
    return directory
  }

  private let store: TestStore

  init() throws {
    store = try TestStore()
    try store.ast("clone", "0", "doomed").expectSuccess()
  }

  /// Whether a node is deleted after this answer, written as for printf(1).
  private func isDeleted(_ answer: String, _ variables: [String: String]) throws -> Bool {
    let environment = plainEnvironment.filter { !$0.key.hasPrefix("LC_") && $0.key != "LANG" }
      .merging(["AST_STORE": store.root.string, "LOCPATH": try Self.locales.get().string]) { $1 }
      .merging(variables) { $1 }
    let node = try store.clone(0)
    // A terminal would be needed to type bytes that are not UTF-8, too: script(1) makes one.
    let command = "printf '\(answer)\\n' | script -qec '\(AstBinary.path) del \(node)' /dev/null"
    let result = try run(["sh", "-c", command], environment: environment)
    #expect(result.stdout.contains("Delete them? [y/N] "), "\(result)")
    let isThere = try store.ast("info", "\(node)").status == 0
    #expect(result.status == (isThere ? 1 : 0), "\(result)")
    return !isThere
  }

  @Test(arguments: [
    ("ja", "de_DE.UTF-8", true), ("J", "de_DE.UTF-8", true), ("nein", "de_DE.UTF-8", false),
    ("y", "de_DE.UTF-8", true), ("yes", "de_DE.UTF-8", true), ("n", "de_DE.UTF-8", false),
    ("vielleicht", "de_DE.UTF-8", false), ("", "de_DE.UTF-8", false),
    ("はい", "ja_JP.UTF-8", true), ("いいえ", "ja_JP.UTF-8", false),
    // "да" and "нет" in KOI8-R.
    (#"\304\301"#, "ru_RU.KOI8-R", true), (#"\316\305\324"#, "ru_RU.KOI8-R", false),
    // What means yes there looks like the English n.
    ("ναι", "el_GR.UTF-8", true), ("n", "el_GR.UTF-8", false), ("no", "el_GR.UTF-8", false),
    // A locale that is not installed, and none at all.
    ("ja", "xx_XX.UTF-8", false), ("y", "xx_XX.UTF-8", true), ("ja", "C.UTF-8", false), ("yes", "C", true),
    ("yonder", "C", false),
  ])
  func wordsOfTheLocaleAreUnderstood(answer: String, locale: String, isYes: Bool) throws {
    #expect(try isDeleted(answer, ["LANG": locale]) == isYes)
  }

  @Test func theVariablesHaveTheirUsualOrder() throws {
    #expect(try isDeleted("ja", ["LANG": "ja_JP.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"]))
    #expect(try !isDeleted("ja", ["LANG": "de_DE.UTF-8", "LC_ALL": "ja_JP.UTF-8"]))
    #expect(try !isDeleted("ja", ["LC_MESSAGES": "de_DE.UTF-8", "LC_ALL": "C"]))
  }

  /// Only the answer has a locale: what is printed is the same.
  @Test func outputIsInEnglish() throws {
    let environment = ["LC_ALL": "de_DE.UTF-8", "LOCPATH": try Self.locales.get().string]
    for verb in [["tree", "--long"], ["status"], ["info", "9"], ["du"]] {
      let result = try store.ast(verb, environment: environment)
      #expect(try result == store.ast(verb), "\(verb)")
    }
  }
}
