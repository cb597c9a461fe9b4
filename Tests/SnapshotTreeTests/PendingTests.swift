import SnapshotTree
import Testing

@Suite struct PendingTests {
  @Test func subvolumesAreDoomedUntilTheyAreGone() throws {
    try withTree { tree in
      try tree.write { tree in
        try tree.doom("deploy/4/root", nil)
        try tree.doom("deploy/3/root", subvolume(3, 3))
        try tree.doom("deploy/3/root", subvolume(4, 4))
      }
      #expect(
        try tree.doomed() == [
          DoomedSubvolume(path: "deploy/3/root", subvolume: subvolume(4, 4)),
          DoomedSubvolume(path: "deploy/4/root", subvolume: nil),
        ])
      try tree.write { tree in
        try tree.forgetDoomed("deploy/3/root")
        try tree.forgetDoomed("never/there")
      }
      #expect(try tree.doomed().map(\.path) == ["deploy/4/root"])
    }
  }

  @Test func nodesAreUnpublishedUntilTheyArePublished() throws {
    try withTree { tree in
      try tree.write { try $0.markUnpublished([NodeID(9), NodeID(3), NodeID(9)]) }
      #expect(try tree.unpublished() == [NodeID(3), NodeID(9)])
      try tree.write { try $0.forgetUnpublished([NodeID(3), NodeID(4)]) }
      #expect(try tree.unpublished() == [NodeID(9)])
    }
  }
}
