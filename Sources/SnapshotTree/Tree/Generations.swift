internal import FoundationEssentials
internal import SQLite

/// The generations of the nodes.
extension TreeDatabase {
  private static let columns = "node, number, subvolume, created, operation, manifest, size, \(bootColumns)"

  /// The generation, or nil.
  public func generation(of node: NodeID, _ number: GenerationNumber) throws(TreeError) -> Generation? {
    try first(
      "SELECT \(TreeDatabase.columns) FROM generation WHERE node = ? AND number = ?", node, number, as: generation)
  }

  /// The generations of a node, newest first.
  public func generations(of node: NodeID) throws(TreeError) -> [Generation] {
    try rows(
      "SELECT \(TreeDatabase.columns) FROM generation WHERE node = ? ORDER BY number DESC", node, as: generation)
  }

  /// All generations, by node and number.
  public func generations() throws(TreeError) -> [Generation] {
    try rows("SELECT \(TreeDatabase.columns) FROM generation ORDER BY node, number", as: generation)
  }

  /// The generation that is the content of its node, for each node, by node.
  public func currentGenerations() throws(TreeError) -> [Generation] {
    let columns =
      "node, number, subvolume, generation.created, operation, manifest, size, \(TreeDatabase.bootColumns)"
    return try rows(
      "SELECT \(columns) FROM node JOIN generation ON node = id AND number = current ORDER BY id", as: generation)
  }

  /// The generation with this subvolume, or nil.
  public func generation(with subvolume: SubvolumeUUID) throws(TreeError) -> Generation? {
    try first("SELECT \(TreeDatabase.columns) FROM generation WHERE subvolume = ?", subvolume, as: generation)
  }

  /// The commit of a transaction: `generation` becomes the content of the node, the present one the previous one.
  /// Marks the node unpublished.
  ///
  /// Its number is the next one of the node, or a higher one.
  public func advance(_ node: NodeID, to generation: Generation) throws(TreeError) {
    try requireWrite()
    guard generation.node == node else { throw .mismatch(node, generation.number) }
    let present = try requireNode(node)
    guard generation.number >= present.nextGeneration else { throw .generationNumberUsed(node, generation.number) }
    try insertRow(generation)
    try run(
      "UPDATE node SET previous = current, current = ?, next_generation = ? WHERE id = ?", generation.number,
      generation.number.rawValue + 1, node)
    try markUnpublished([node])
  }

  /// `undo`: the generation becomes the content of the node, the present one the previous one. Marks the node
  /// unpublished.
  public func exchangeCurrent(_ node: NodeID, with number: GenerationNumber) throws(TreeError) {
    try requireWrite()
    let present = try requireNode(node)
    guard try generation(of: node, number) != nil else { throw .unknownGeneration(node, number) }
    guard present.current != number else { throw .alreadyCurrent(node, number) }
    try run("UPDATE node SET previous = current, current = ? WHERE id = ?", number, node)
    try markUnpublished([node])
  }

  /// Notes which packages the generation has, and marks the node unpublished.
  public func setManifest(_ manifest: ManifestID, of node: NodeID, _ number: GenerationNumber) throws(TreeError) {
    try requireWrite()
    guard let present = try generation(of: node, number) else { throw .unknownGeneration(node, number) }
    guard try exists("SELECT 1 FROM manifest WHERE id = ?", manifest) else { throw .unknownManifest(manifest) }
    try run("UPDATE generation SET manifest = ? WHERE node = ? AND number = ?", manifest, node, number)
    try markUnpublished([node])
    if let old = present.manifest, old != manifest { try deleteUnused([old]) }
  }

  /// Removes generations, whose subvolumes become doomed.
  ///
  /// Refused, before anything is changed, for the content of a node, for its previous generation, for a generation that
  /// a deployment was made of, and for one that is pinned or has a tag.
  public func deleteGenerations(_ generations: [(NodeID, GenerationNumber)]) throws(TreeError) {
    try requireWrite()
    var deleted: [Generation] = []
    for (node, number) in generations {
      if let use = try use(of: node, number) { throw .generationInUse(node, number, use) }
      guard let generation = try generation(of: node, number) else { throw .unknownGeneration(node, number) }
      deleted.append(generation)
    }
    for generation in deleted {
      try doom(generation.path, generation.subvolume)
      try run("DELETE FROM generation WHERE node = ? AND number = ?", generation.node, generation.number)
    }
    try deleteUnused(deleted.compactMap(\.manifest))
    try markUnpublished(deleted.map(\.node))
  }

  /// The use of the generation, or nil if it may be deleted.
  public func use(of node: NodeID, _ number: GenerationNumber) throws(TreeError) -> GenerationUse? {
    let present = try requireNode(node)
    if present.current == number { return .current }
    if present.previous == number { return .previous }
    let deployed: GenerationUse? = try first(
      "SELECT id FROM deployment WHERE node = ? AND generation = ? ORDER BY id", node, number
    ) { (row) throws(TreeError) in .deployment(row.identifier(0)) }
    if let deployed { return deployed }
    return try keptGenerations(of: node).contains(number) ? .kept : nil
  }

  func insertRow(_ generation: Generation) throws(TreeError) {
    guard try self.generation(with: generation.subvolume) == nil else { throw .subvolumeUsed(generation.subvolume) }
    if let manifest = generation.manifest {
      guard try exists("SELECT 1 FROM manifest WHERE id = ?", manifest) else { throw .unknownManifest(manifest) }
    }
    try run(
      "INSERT INTO generation (\(TreeDatabase.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      generation.node, generation.number, generation.subvolume, generation.created.seconds, generation.operation,
      generation.manifest, generation.size, generation.boot?.kernel, generation.boot?.initrd,
      generation.boot?.arguments)
  }

  private func generation(_ row: Statement) throws(TreeError) -> Generation {
    Generation(
      node: row.identifier(0), number: row.identifier(1), subvolume: try subvolume(row, 2), created: row.date(3),
      operation: row.optionalIdentifier(4), manifest: row.optionalIdentifier(5), size: row.optionalInteger(6),
      boot: bootFiles(row, 7))
  }

  /// The columns of `BootFiles`.
  static let bootColumns = "kernel, initrd, arguments"

  /// The values of `bootColumns`, whose first column is `first`.
  func bootFiles(_ row: Statement, _ first: Int) -> BootFiles? {
    guard !row.isNull(first) else { return nil }
    return BootFiles(kernel: row.text(first), initrd: row.text(first + 1), arguments: row.text(first + 2))
  }
}
