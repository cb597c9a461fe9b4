import TestSupport
import Testing

@Suite("Tree verbs", .requiresRoot)
struct TreeVerbTests {
  @Test func treeHasTheShapeUsersKnow() throws {
    let store = try TestStore()
    try store.ast("clone", "0", "multiuser system").expectSuccess()
    try store.ast("branch", "1", "applications").expectSuccess()
    try store.ast("branch", "2", "MATE full desktop").expectSuccess()
    try store.ast("ubranch", "2", "3", "Plasma full desktop").expectSuccess()
    let tree = try store.ast("tree").expectSuccess()
    #expect(
      tree.stdout == """
        root
        ├── 0*- base snapshot
        └── 1 - multiuser system
            └── 2 - applications
                ├── 3 - MATE full desktop
                └── 4 - Plasma full desktop

        """)
  }
}
