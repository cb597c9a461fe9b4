import Host
import SnapshotTree
import Store

/// The name by which a user calls the content of a node, or an earlier one: `NODE`, `NODE@n`, `NODE@-k`, or a tag of a
/// generation.
public struct GenerationName: Sendable, Equatable, CustomStringConvertible {
  /// The place after the `@`.
  enum Place: Sendable, Equatable {
    /// The generation with this number.
    case number(GenerationNumber)
    /// The generation so many places before the current one, of those that are kept.
    case earlier(Int)
  }

  /// The text as it was typed.
  public let description: String
  /// The node before the `@`, and the place after it; nil if the text has not this form.
  let part: (node: NodeName, place: Place)?

  /// Reads what was typed; nil if it is empty.
  public init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    description = text
    part = GenerationName.part(of: text)
  }

  private static func part(of text: String) -> (node: NodeName, place: Place)? {
    guard let sign = text.lastIndex(of: "@"), let node = NodeName(String(text[..<sign])) else { return nil }
    let rest = text[text.index(after: sign)...]
    if let number = GenerationNumber(rest) { return (node, .number(number)) }
    guard rest.first == "-", let count = GenerationNumber(rest.dropFirst()), count.rawValue > 0 else { return nil }
    return (node, .earlier(count.rawValue))
  }

  /// Whether both were typed in the same way.
  public static func == (left: GenerationName, right: GenerationName) -> Bool {
    left.description == right.description
  }
}

/// A node's content at the moment of use, or one of its generations.
public struct GenerationReference: Sendable, Hashable, CustomStringConvertible {
  /// The node.
  public let node: NodeID
  /// The generation; nil for the current one.
  public let number: GenerationNumber?

  /// A node's content, or one of its generations.
  public init(_ node: NodeID, _ number: GenerationNumber? = nil) {
    self.node = node
    self.number = number
  }

  /// Such as `1`, or `1@3`.
  public var description: String { number.map { "\(GenerationID(node, $0))" } ?? "\(node)" }
}

extension Store {
  /// What a user means. A number is not looked up.
  ///
  /// - Throws: `AstError`: not found if there is no such node, tag or generation, usage if the name has several meanings.
  public func reference(named name: GenerationName) throws -> GenerationReference {
    let text = name.description
    if NodeID(text) == nil, let part = name.part {
      guard let described = try tree.nodes().first(where: { $0.description == text }) else {
        return try reference(part)
      }
      guard let other = try? reference(part) else { return GenerationReference(described.id) }
      throw AstError.ambiguous(text, "the description of node \(described.id)", "generation \(other)")
    }
    guard let node = NodeName(text) else { throw AstError(.usage, "the name of a node is empty", state: .unchanged) }
    if case .description = node, let tag = try tag(named: text), let number = tag.generation {
      if let described = try tree.nodes().first(where: { $0.description == text }) {
        throw AstError.ambiguous(text, "the tag of generation \(tag.target)", "the description of node \(described.id)")
      }
      return GenerationReference(tag.node, number)
    }
    return GenerationReference(try self.node(named: node))
  }

  private func reference(_ part: (node: NodeName, place: GenerationName.Place)) throws -> GenerationReference {
    let node = try self.node(named: part.node)
    switch part.place {
    case .number(let number): return GenerationReference(node, number)
    case .earlier(let count):
      let older = try generations(of: node, before: self.node(node).current)
      guard older.count >= count else {
        let kept = older.count == 1 ? "1 generation is" : "\(older.count) generations are"
        throw AstError(
          .notFound, "node \(node) has no generation \(node)@-\(count): \(kept) kept before the current one",
          state: .unchanged, hint: "`ast history \(node)` shows its generations")
      }
      return GenerationReference(node, older[count - 1])
    }
  }

  /// The newest generation that is kept of those before this one.
  ///
  /// - Throws: `AstError` (not found) if there is none.
  public func generation(before reference: GenerationReference) throws -> GenerationReference {
    let number = try generation(reference).number
    guard let older = try generations(of: reference.node, before: number).first else {
      throw AstError(
        .notFound, "no generation of node \(reference.node) is kept before \(GenerationID(reference.node, number))",
        state: .unchanged, hint: "`ast history \(reference.node)` shows its generations")
    }
    return GenerationReference(reference.node, older)
  }

  /// The generations of a node that are kept before this one, newest first.
  private func generations(of node: NodeID, before number: GenerationNumber) throws -> [GenerationNumber] {
    try tree.generations(of: node).map(\.number).filter { $0 < number }
  }

  /// The generation that is meant.
  ///
  /// - Throws: `AstError` (not found).
  public func generation(_ reference: GenerationReference) throws -> Generation {
    let node = try self.node(reference.node)
    guard let number = reference.number else { return try current(node) }
    guard let generation = try tree.generation(of: node.id, number) else {
      guard number > node.current else { throw AstError.notKept(GenerationID(node.id, number)) }
      throw AstError(
        .notFound, "node \(node.id) has no generation \(number)", state: .unchanged,
        hint: "`ast history \(node.id)` shows its generations")
    }
    return generation
  }

  /// The deployment that is meant where nodes are named as well: the letter and a number. A number is not looked up.
  ///
  /// - Returns: nil if it has not this form.
  /// - Throws: `AstError` (usage) if a node has that description.
  public func deployment(named text: String) throws -> DeploymentID? {
    guard text.hasPrefix("d"), let id = DeploymentID(text.dropFirst()) else { return nil }
    if let described = try tree.nodes().first(where: { $0.description == text }) {
      throw AstError.ambiguous(text, "deployment \(id)", "the description of node \(described.id)")
    }
    return id
  }

  /// The tag with this name; nil if there is none, or if the text cannot be a tag.
  func tag(named text: String) throws -> Tag? { try TagName(text).flatMap { try tree.tag($0) } }
}

extension Tag {
  /// The node or generation that has the tag.
  public var target: GenerationReference { GenerationReference(node, generation) }
}

extension AstError {
  /// The error for a generation that was there, or could have been.
  fileprivate static func notKept(_ id: GenerationID) -> AstError {
    AstError(
      .notFound, "node \(id.node) has no generation \(id.number) any more", state: .unchanged,
      hint: "`ast history \(id.node)` shows its generations; `ast config --set gc.keep-generations=10` keeps more of"
        + " them, `ast pin` or `ast tag` a single one")
  }

  static func ambiguous(_ text: String, _ first: String, _ second: String) -> AstError {
    AstError(
      .usage, "“\(text)” is \(first) and \(second)", state: .unchanged, hint: "name what you mean by its number")
  }
}
