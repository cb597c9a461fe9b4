import Host
import SnapshotTree
import Store

/// `tag`: names for nodes and generations.
extension Store {
  /// Gives a node a tag, which follows its content, or gives it to one of its generations, which is then kept.
  ///
  /// - Throws: `AstError`: refused if the tag is taken, or is another node's description.
  public func tag(_ reference: GenerationReference, as name: TagName) throws -> OperationID {
    try change {
      let node = try node(reference.node)
      if let present = try tree.tag(name) {
        throw AstError(
          .refused, "the tag \(name) is taken: \(present.target) has it", state: .unchanged,
          hint: "`ast tag --delete \(name)` removes it")
      }
      let text = name.description
      if let other = try tree.nodes().first(where: { $0.id != node.id && $0.description == text }) {
        throw AstError(
          .refused, "\(name) is the description of node \(other.id), so it would have two meanings", state: .unchanged,
          hint: "choose another tag, or change the description with `ast desc \(other.id)`")
      }
      if reference.number != nil { _ = try generation(reference) }
      let operation = try recordOperation("tag", on: node.id)
      try tree.insert(Tag(name: name, node: node.id, generation: reference.number))
      return operation
    }
  }

  /// Removes a tag.
  public func deleteTag(_ name: TagName) throws -> (tag: Tag, operation: OperationID) {
    try change {
      guard let tag = try tree.tag(name) else {
        throw AstError(.notFound, "there is no tag \(name)", state: .unchanged, hint: "`ast tag` lists the tags")
      }
      let operation = try recordOperation("untag", on: tag.node)
      try tree.deleteTag(name)
      return (tag, operation)
    }
  }

  /// Pins a generation, which keeps it, or unpins it.
  ///
  /// - Returns: the generation, and the operation; nil if there was nothing to do.
  public func setPinned(_ isPinned: Bool, _ reference: GenerationReference) throws -> (GenerationID, OperationID?) {
    try change {
      let generation = try generation(reference)
      guard try tree.pinnedGenerations().contains(generation.id) != isPinned else { return (generation.id, nil) }
      let operation = try recordOperation(isPinned ? "pin" : "unpin", on: generation.node)
      try tree.setPinned(isPinned, generation.id)
      return (generation.id, operation)
    }
  }
}
