internal import SQLite

/// The tags, and the pinned generations.
extension TreeDatabase {
  /// All tags, by name.
  public func tags() throws(TreeError) -> [Tag] {
    try rows("SELECT name, node, generation FROM tag ORDER BY name", as: tag)
  }

  /// The tag with this name, or nil.
  public func tag(_ name: TagName) throws(TreeError) -> Tag? {
    try first("SELECT name, node, generation FROM tag WHERE name = ?", name.description, as: tag)
  }

  /// Adds a tag.
  public func insert(_ tag: Tag) throws(TreeError) {
    try requireWrite()
    guard try self.tag(tag.name) == nil else { throw .tagUsed(tag.name) }
    _ = try requireNode(tag.node)
    if let number = tag.generation { try requireGeneration(GenerationID(tag.node, number)) }
    try run(
      "INSERT INTO tag (name, node, generation) VALUES (?, ?, ?)", tag.name.description, tag.node, tag.generation)
  }

  /// Removes a tag.
  public func deleteTag(_ name: TagName) throws(TreeError) {
    try requireWrite()
    guard try run("DELETE FROM tag WHERE name = ?", name.description) == 1 else { throw .unknownTag(name) }
  }

  /// The pinned generations, by node and number.
  public func pinnedGenerations() throws(TreeError) -> [GenerationID] {
    try rows("SELECT node, generation FROM generation_pin ORDER BY node, generation") { (row) throws(TreeError) in
      GenerationID(row.identifier(0), row.identifier(1))
    }
  }

  /// Pins or unpins a generation.
  public func setPinned(_ isPinned: Bool, _ generation: GenerationID) throws(TreeError) {
    try requireWrite()
    try requireGeneration(generation)
    let statement =
      isPinned
      ? "INSERT OR IGNORE INTO generation_pin (node, generation) VALUES (?, ?)"
      : "DELETE FROM generation_pin WHERE node = ? AND generation = ?"
    try run(statement, generation.node, generation.number)
  }

  /// The generations of a node that are pinned or have a tag: nothing but the user's word deletes them.
  public func keptGenerations(of node: NodeID) throws(TreeError) -> Set<GenerationNumber> {
    Set(
      try rows(
        """
        SELECT generation FROM generation_pin WHERE node = ?1
          UNION SELECT generation FROM tag WHERE node = ?1 AND generation IS NOT NULL
        """, node
      ) { (row) throws(TreeError) in row.identifier(0) })
  }

  /// The record of all tags and pinned generations.
  public func tagRecord() throws(TreeError) -> TagRecord {
    TagRecord(tags: try tags(), pinned: try pinnedGenerations())
  }

  /// Throws `.nodeIsKept` if the node or one of its generations has a tag, or if one is pinned.
  func requireNotKept(_ node: NodeID) throws(TreeError) {
    let isKept = try exists(
      "SELECT 1 FROM tag WHERE node = ?1 UNION ALL SELECT 1 FROM generation_pin WHERE node = ?1", node)
    guard !isKept else { throw .nodeIsKept(node) }
  }

  private func requireGeneration(_ id: GenerationID) throws(TreeError) {
    guard try generation(of: id.node, id.number) != nil else { throw .unknownGeneration(id.node, id.number) }
  }

  private func tag(_ row: Statement) throws(TreeError) -> Tag {
    guard let name = TagName(row.text(0)) else { throw .corrupt(path, detail: "“\(row.text(0))” is no tag") }
    return Tag(name: name, node: row.identifier(1), generation: row.optionalIdentifier(2))
  }
}
