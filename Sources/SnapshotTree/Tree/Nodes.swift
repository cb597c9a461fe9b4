internal import FoundationEssentials
internal import SQLite

/// The nodes of the tree.
extension TreeDatabase {
  private static let columns = "id, parent, description, created, current, previous, next_generation"

  /// All nodes, by number.
  public func nodes() throws(TreeError) -> [Node] {
    try rows("SELECT \(TreeDatabase.columns) FROM node ORDER BY id", as: TreeDatabase.node)
  }

  /// How many nodes there are.
  public var nodeCount: Int {
    get throws(TreeError) {
      try first("SELECT count(*) FROM node") { (row) throws(TreeError) in Int(row.integer(0)) } ?? 0
    }
  }

  /// The node with this number, or nil.
  public func node(_ id: NodeID) throws(TreeError) -> Node? {
    try first("SELECT \(TreeDatabase.columns) FROM node WHERE id = ?", id, as: TreeDatabase.node)
  }

  /// The nodes right below `parent`, by number; for nil, the roots of trees.
  public func children(of parent: NodeID?) throws(TreeError) -> [Node] {
    try rows(
      "SELECT \(TreeDatabase.columns) FROM node WHERE parent IS ? ORDER BY id", parent, as: TreeDatabase.node)
  }

  /// The node and all below it: each node before its children, and those by number. Empty if there is no such node.
  public func subtree(of root: NodeID) throws(TreeError) -> [Node] {
    // A recursive query takes the first row of its ORDER BY next: the deepest level first makes it depth-first
    // (https://sqlite.org/lang_with.html, 3.4). A join with the result would be free to change that order.
    try rows(
      """
      WITH RECURSIVE member (level, \(TreeDatabase.columns)) AS (
        SELECT 0, \(TreeDatabase.columns) FROM node WHERE id = ?
        UNION ALL
        SELECT level + 1, node.id, node.parent, node.description, node.created, node.current, node.previous,
          node.next_generation
        FROM member JOIN node ON node.parent = member.id
        -- In a damaged tree, a node may be below itself.
        WHERE level < (SELECT count(*) FROM node) ORDER BY 1 DESC, 2
      )
      SELECT \(TreeDatabase.columns) FROM member
      """, root, as: TreeDatabase.node)
  }

  /// Calls `body` with each node, by number. For lists: faster than `nodes()`, which makes whole values.
  public func forEachNode(
    _ body: (_ id: NodeID, _ parent: NodeID?, _ description: String) throws -> Void
  ) throws {
    let sql = "SELECT id, parent, description FROM node ORDER BY id"
    let statement = try attempt { () throws(SQLiteError) in try connection.start(sql, []) }
    defer { connection.finish(statement) }
    while try attempt({ () throws(SQLiteError) in try statement.step() }) {
      try body(statement.identifier(0), statement.optionalIdentifier(1), statement.text(2))
    }
  }

  /// The number of the next node.
  public var nextNode: NodeID {
    get throws(TreeError) { NodeID(try counter(.nextNode)) }
  }

  /// Takes the next number, which no other node gets unless the transaction is undone.
  public func allocateNode() throws(TreeError) -> NodeID {
    try requireWrite()
    let node = NodeID(try take(.nextNode))
    allocatedNodes.insert(node)
    return node
  }

  /// Adds a node and its first generation, and marks the node unpublished.
  ///
  /// The number is one that `allocateNode()` gave this object, or the next one or a higher one, which is then taken.
  public func insert(_ node: Node, _ generation: Generation) throws(TreeError) {
    try requireWrite()
    guard generation.node == node.id, generation.number == node.current else {
      throw .mismatch(node.id, generation.number)
    }
    let next = try nextNode
    guard allocatedNodes.remove(node.id) != nil || node.id >= next else { throw .nodeNumberUsed(node.id) }
    try insertNew(node)
    try insertRow(generation)
    try markUnpublished([node.id])
  }

  /// Adds the row of a new node. Its generations have to follow in the same transaction.
  func insertNew(_ node: Node) throws(TreeError) {
    if let parent = node.parent {
      guard try exists("SELECT 1 FROM node WHERE id = ?", parent) else { throw .unknownNode(parent) }
    }
    guard try !exists("SELECT 1 FROM node WHERE id = ?", node.id) else { throw .nodeNumberUsed(node.id) }
    try raise(.nextNode, above: node.id.rawValue)
    try run(
      "INSERT INTO node (\(TreeDatabase.columns)) VALUES (?, ?, ?, ?, ?, ?, ?)", node.id, node.parent,
      node.description, node.created.seconds, node.current, node.previous, node.nextGeneration)
  }

  /// Changes the description of the node, and marks it unpublished.
  public func setDescription(_ description: String, of node: NodeID) throws(TreeError) {
    try requireWrite()
    guard try run("UPDATE node SET description = ? WHERE id = ?", description, node) == 1 else {
      throw .unknownNode(node)
    }
    try markUnpublished([node])
  }

  /// Puts a node, with everything below it, under another one, or at the top for nil, and marks it unpublished.
  ///
  /// Refused for base, and for a parent that is the node itself or below it.
  public func move(_ node: NodeID, under parent: NodeID?) throws(TreeError) {
    try requireWrite()
    _ = try requireNode(node)
    guard node != .base else { throw .baseNotMovable }
    if let parent {
      _ = try requireNode(parent)
      guard try !isBelow(parent, node) else { throw .parentIsBelow(node, parent: parent) }
    }
    try run("UPDATE node SET parent = ? WHERE id = ?", parent, node)
    try markUnpublished([node])
  }

  /// Whether a node is another one or below it.
  public func isBelow(_ node: NodeID, _ top: NodeID) throws(TreeError) -> Bool {
    // UNION takes no row twice, so this ends even in a ring.
    try exists(
      """
      WITH RECURSIVE above (id) AS (
        SELECT ? UNION SELECT parent FROM above JOIN node USING (id) WHERE parent IS NOT NULL
      )
      SELECT 1 FROM above WHERE id = ?
      """, node, top)
  }

  /// Throws `.unknownNode` if the node does not exist.
  func requireNode(_ id: NodeID) throws(TreeError) -> Node {
    guard let node = try node(id) else { throw .unknownNode(id) }
    return node
  }

  static func node(_ row: Statement) -> Node {
    Node(
      id: row.identifier(0), parent: row.optionalIdentifier(1), description: row.text(2), created: row.date(3),
      current: row.identifier(4), previous: row.optionalIdentifier(5), nextGeneration: row.identifier(6))
  }
}
