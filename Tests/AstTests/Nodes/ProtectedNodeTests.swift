import FoundationEssentials
import SnapshotTree
import TestSupport
import Testing

@Suite("Protected nodes", .requiresRoot)
struct ProtectedNodeTests {
  /// 2 is below 1, and 3 below 2; 4 is separate. Deployment 1 was made from node 3.
  private func store(_ change: (TreeDatabase) throws -> Void) throws -> TestStore {
    let store = try TestStore()
    try store.ast("clone", "0").expectSuccess()
    try store.ast("branch", "1").expectSuccess()
    try store.ast("branch", "2").expectSuccess()
    try store.ast("clone", "0").expectSuccess()
    let tree = try TreeDatabase(opening: store.database, .writing)
    try tree.write { tree in
      try tree.insert(
        Deployment(id: DeploymentID(1), node: NodeID(3), generation: GenerationNumber(1), created: Date(), state: .good)
      )
      try change(tree)
    }
    return store
  }

  private func expectProtected(_ store: TestStore, _ reason: String) throws {
    let before = try store.state()
    for (node, below) in [("3", ""), ("2", ", which is below node 2"), ("1", ", which is below node 1")] {
      for option in ["--yes", "--simulate"] {
        let result = try store.ast("del", option, node)
        #expect(result.status == 5)
        #expect(result.stdout.isEmpty)
        #expect(
          result.stderr.hasPrefix("ast: node 3\(below) \(reason) and cannot be deleted; nothing was changed\n"),
          "\(result.stderr)")
      }
    }
    #expect(try store.state() == before)
    try store.ast("del", "--yes", "4").expectSuccess()
  }

  @Test func theDefaultNodeCannotBeDeleted() throws {
    try expectProtected(try store { try $0.setDefaultNode(NodeID(3)) }, "is the default")
  }

  @Test func theNodeOfTheDefaultDeploymentCannotBeDeleted() throws {
    try expectProtected(try store { try $0.setDefaultDeployment(DeploymentID(1)) }, "is the default")
  }

  @Test func theLastGoodNodeCannotBeDeleted() throws {
    try expectProtected(
      try store { try $0.setPreviousDeployment(DeploymentID(1)) }, "is the last system known to be good")
  }

  @Test func aPinnedNodeCannotBeDeleted() throws {
    try expectProtected(try store { try $0.setPinned(true, DeploymentID(1)) }, "has a pinned deployment")
  }

  @Test func theNodeThatBootsOnceCannotBeDeleted() throws {
    try expectProtected(
      try store { try $0.setOnceDeployment(DeploymentID(1), token: OperationID(1)) }, "boots the next time")
  }

  @Test func aDeploymentThatNobodyNeedsGoesWithItsNode() throws {
    let store = try store { _ in }
    try store.ast("del", "--yes", "3").expectSuccess()
    #expect(try store.ast("deployments").stdout == "Nothing is deployed.\n")
  }

  @Test func theBootedNodeCannotBeDeleted() throws {
    let store = try store { _ in }
    let deployed = store.root.appending("deploy/1/root")
    try runSuccessfully(["mkdir", deployed.removingLastComponent().string])
    try runSuccessfully(["btrfs", "subvolume", "create", deployed.string])
    let uuid = try runSuccessfully([
      "sh", "-c", "btrfs subvolume show $0 | sed -n 's/^[[:space:]]*UUID:[[:space:]]*//p'", deployed.string,
    ])
    try runSuccessfully(["sqlite3", store.database.string, "UPDATE deployment SET subvolume = '\(uuid.prefix(36))'"])
    let before = try store.state()
    // The program with the deployment as its root, and this machine's directories in it.
    let enter = """
      set -e; root=$1; shift
      for place in /usr /opt /lib /lib64 /bin /dev /proc /tmp "$AST_STORE" "${1%/*}"; do
        test -d "$place" || continue
        mkdir -p "$root$place"; mount --rbind "$place" "$root$place"
      done
      exec chroot "$root" "$@"
      """
    func booted(_ arguments: String...) throws -> CommandResult {
      try run(
        ["unshare", "--mount", "sh", "-c", enter, "sh", deployed.string, AstBinary.path.string] + arguments,
        environment: plainEnvironment.merging(["AST_STORE": store.root.string]) { $1 })
    }
    #expect(try booted("current").stdout == "3\n")
    for node in ["1", "2", "3"] {
      let result = try booted("del", "--yes", node)
      #expect(result.status == 5)
      #expect(result.stderr.contains("node 3"), "\(result.stderr)")
      #expect(result.stderr.contains("is booted and cannot be deleted; nothing was changed\n"), "\(result.stderr)")
    }
    #expect(try store.state() == before)
    // It runs as it was, and was started just once.
    try store.ast("run", "3", "touch", "/new").expectSuccess()
    let row = "INSERT INTO deployment (id, node, generation, created, state, pinned) VALUES (0, 2, 1, 0, 'good', 0)"
    let role = "INSERT OR REPLACE INTO deployment_role VALUES ('default', 0)"
    try runSuccessfully(["sqlite3", store.database.string, "\(row); \(role)"])
    let status = try booted("status").expectSuccess().stdout.lines
    #expect(
      status.contains(
        "Changed:    the machine runs node 3 as it was; `ast deploy 3` and a restart bring what has changed"),
      "\(status)")
    #expect(
      status.contains("Next boot:  goes back to node 2; `ast deploy 3` keeps the running one"), "\(status)")
    #expect(try booted().expectSuccess().stdout.contains("  ast deploy 3 "))
  }
}
