public import SystemPackage

extension TreeDatabase {
  /// Makes a new database at `path` from the records of all nodes. Throws `.exists` if the path exists already.
  ///
  /// The file gets its name when it is complete and on disk. The numbers of nodes that were deleted, as far as the
  /// records show it, are not reused. Operations begin after those that the generations name; the history itself is
  /// lost.
  ///
  /// `configure` runs before that, in the same transaction: for deployments, accounts, settings, and for numbers
  /// that were given before (`reserve(nodesBelow:)`).
  public static func rebuild(
    at path: FilePath, from records: [NodeRecord],
    configuring configure: (TreeDatabase) throws(TreeError) -> Void = {
      (_) throws(TreeError) in
    }
  ) throws(TreeError) {
    try create(at: path) { (tree) throws(TreeError) in
      for record in parentsFirst(records) { try tree.restore(record) }
      try configure(tree)
    }
  }

  /// The records in an order in which a node comes after its parent. A node whose parent has no record, or that is below
  /// itself, comes last, and is refused.
  private static func parentsFirst(_ records: [NodeRecord]) -> [NodeRecord] {
    let sorted = records.sorted { $0.node.id < $1.node.id }
    let children = Dictionary(grouping: sorted, by: \.node.parent)
    var ordered = children[nil] ?? []
    var next = 0
    while next < ordered.count {
      ordered += children[ordered[next].node.id] ?? []
      next += 1
    }
    let known = Set(ordered.map(\.node.id))
    return ordered + sorted.filter { !known.contains($0.node.id) }
  }

  /// Never gives the numbers below `next` to a node.
  public func reserve(nodesBelow next: NodeID) throws(TreeError) {
    try requireWrite()
    try raise(.nextNode, above: next.rawValue - 1)
  }

  /// Never gives the numbers below `next` to an operation.
  public func reserve(operationsBelow next: OperationID) throws(TreeError) {
    try requireWrite()
    try raise(.nextOperation, above: next.rawValue - 1)
  }

  /// Never gives the numbers below `next` to a deployment.
  public func reserve(deploymentsBelow next: DeploymentID) throws(TreeError) {
    try requireWrite()
    try raise(.nextDeployment, above: next.rawValue - 1)
  }

  private func restore(_ record: NodeRecord) throws(TreeError) {
    let node = record.node
    do throws(TreeError) {
      try insertNew(node)
      for number in [node.current, node.previous].compactMap(\.self) {
        guard record.generations.contains(where: { $0.number == number }) else {
          throw .unknownGeneration(node.id, number)
        }
      }
      for var generation in record.generations {
        guard generation.node == node.id else { throw .mismatch(node.id, generation.number) }
        guard generation.number < node.nextGeneration else { throw .generationNumberUsed(node.id, generation.number) }
        generation.manifest = nil
        try insertRow(generation)
        if let operation = generation.operation { try raise(.nextOperation, above: operation.rawValue) }
      }
      try markUnpublished([node.id])
      try raise(.nextNode, above: record.nextNode.rawValue - 1)
      if record.isDefault { try setDefaultNode(node.id) }
    } catch {
      if case .noSpace = error { throw error }
      throw .invalidRecord(node.id, reason: "\(error)")
    }
  }
}
