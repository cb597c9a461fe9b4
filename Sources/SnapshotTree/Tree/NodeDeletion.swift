internal import SQLite

extension TreeDatabase {
  /// Removes nodes with all their generations, whose subvolumes become doomed.
  ///
  /// Refused, before anything is changed, for base, for a node with a child that is not given too, for the default
  /// node, and for a node with deployments, a tag or a pinned generation. The nodes and their parents become
  /// unpublished: the parents because their records carry the next number, which must survive the loss of the highest
  /// node.
  public func deleteNodes(_ nodes: [NodeID]) throws(TreeError) {
    try requireWrite()
    let deleted = Set(nodes)
    for node in deleted.sorted() {
      try refuseToDelete(node, with: deleted)
    }
    let list = IdentifierList(deleted)
    let manifests = try manifests(ofNodesIn: list)
    try run(
      """
      INSERT OR IGNORE INTO unpublished (node)
        SELECT ifnull(parent, 0) FROM node WHERE id IN (SELECT value FROM json_each(?))
        UNION SELECT value FROM json_each(?)
      """, list, list)
    try run(
      """
      INSERT OR REPLACE INTO doomed (path, subvolume)
        SELECT 'nodes/' || node || '/' || number, subvolume FROM generation
        WHERE node IN (SELECT value FROM json_each(?))
      """, list)
    try run("DELETE FROM generation WHERE node IN (SELECT value FROM json_each(?))", list)
    try run("DELETE FROM node WHERE id IN (SELECT value FROM json_each(?))", list)
    try deleteUnused(manifests)
  }

  private func refuseToDelete(_ node: NodeID, with deleted: Set<NodeID>) throws(TreeError) {
    guard try exists("SELECT 1 FROM node WHERE id = ?", node) else { throw .unknownNode(node) }
    guard node != .base else { throw .baseNotDeletable }
    let children: [NodeID] = try rows("SELECT id FROM node WHERE parent = ? ORDER BY id", node) {
      (row) throws(TreeError) in row.identifier(0)
    }
    let staying = children.filter { !deleted.contains($0) }
    guard staying.isEmpty else { throw .nodeHasChildren(node, staying) }
    guard try !exists("SELECT 1 FROM node_role WHERE node = ?", node) else { throw .nodeIsDefault(node) }
    let deployments: [DeploymentID] = try rows("SELECT id FROM deployment WHERE node = ? ORDER BY id", node) {
      (row) throws(TreeError) in row.identifier(0)
    }
    guard deployments.isEmpty else { throw .nodeIsDeployed(node, deployments) }
    try requireNotKept(node)
  }

  private func manifests(ofNodesIn list: IdentifierList) throws(TreeError) -> [ManifestID] {
    try rows(
      """
      SELECT DISTINCT manifest FROM generation
        WHERE node IN (SELECT value FROM json_each(?)) AND manifest IS NOT NULL
      """, list
    ) { (row) throws(TreeError) in row.identifier(0) }
  }
}

/// Identifiers as one parameter: a JSON array, which `json_each` makes rows of.
struct IdentifierList: ValueConvertible {
  private let json: String

  init(_ identifiers: some Sequence<some TreeIdentifier>) {
    json = "[" + identifiers.map(\.description).joined(separator: ",") + "]"
  }

  var value: Value { .text(json) }
}
