import ArgumentParser
import Host
import Nodes
import SnapshotTree

struct TagVerb: Verb {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Give a node or a generation a short name, or list these names",
    discussion: """
      The tag of a node can stand for its number. The tag of a generation (`1@3`) stays with it, and the generation is \
      kept as long as it has the tag. What a tag may be: \(TagName.rule).
      """)

  @OptionGroup(title: HelpText.general) var global: GlobalOptions
  @Option(
    help: ArgumentHelp("Remove this tag.", valueName: "tag"), completion: Completion.tags, transform: TagName.read)
  var delete: TagName?
  @Argument(help: "The node or generation.") var node: GenerationName?
  @Argument(help: "The tag.", transform: TagName.read) var tag: TagName?

  var need: Need { node == nil && delete == nil ? .reading : .writing }

  func validate() throws {
    guard delete == nil || node == nil else { throw ValidationError("--delete takes no other argument") }
    guard node == nil || tag != nil else { throw ValidationError("a tag for \(node?.description ?? "") is missing") }
  }

  func perform(in context: Context) throws -> Report {
    let store = try context.store
    if let delete {
      let deleted = try store.deleteTag(delete)
      return Report(
        text: "\(deleted.tag.words) has no tag \(delete) any more.", data: TagReport(deleted.tag),
        transaction: deleted.operation)
    }
    guard let node, let tag else {
      let tags = try store.tree.tags()
      return Report(text: Self.table(tags), data: ["tags": tags.map(TagReport.init)])
    }
    let reference = try store.reference(named: node)
    let operation = try store.tag(reference, as: tag)
    let made = SnapshotTree.Tag(name: tag, node: reference.node, generation: reference.number)
    return Report(text: "\(made.words) has the tag \(tag).", data: TagReport(made), transaction: operation)
  }

  private static func table(_ tags: [SnapshotTree.Tag]) -> String {
    let width = tags.map(\.name.description.count).max() ?? 0
    return tags.map { tag in
      let name = tag.name.description
      return "\(name)\(String(repeating: " ", count: width - name.count))  \(tag.target)"
    }.joined(separator: "\n")
  }
}

extension TagName {
  /// What a tag looks like, for people.
  fileprivate static let rule =
    "a tag begins with a small letter and holds small letters, digits, dots and minus signs, at most \(limit); names"
    + " such as d3 and t17 are not tags"

  /// Reads a tag.
  fileprivate static func read(_ text: String) throws -> TagName {
    guard let name = TagName(text) else { throw ValidationError(rule) }
    return name
  }
}

extension SnapshotTree.Tag {
  /// The node or generation that has the tag, as the beginning of a sentence.
  fileprivate var words: String { "\(generation == nil ? "Node" : "Generation") \(target)" }
}

/// A tag as `--json` shows it.
struct TagReport: Encodable {
  let name: TagName
  let node: NodeID
  @Nullable var generation: GenerationNumber?

  init(_ tag: SnapshotTree.Tag) {
    name = tag.name
    node = tag.node
    generation = tag.generation
  }
}
