import SnapshotTree
import Testing

@Suite struct DeploymentTests {
  private func deployment(_ id: Int, _ node: Int = 0, _ generation: Int = 1) -> Deployment {
    Deployment(id: DeploymentID(id), node: NodeID(node), generation: GenerationNumber(generation), created: noon)
  }

  @Test func aDeploymentComesBackAsItWasInserted() throws {
    try withTree { tree in
      try tree.grow([nil, 0])
      #expect(try tree.nextDeployment == DeploymentID(1))
      var second = deployment(2, 1)
      second.state = .good
      second.isPinned = true
      try tree.write { tree in
        #expect(try tree.allocateDeployment() == DeploymentID(1))
        try tree.insert(deployment(1))
        try tree.insert(second)
      }
      #expect(try tree.deployments() == [deployment(1), second])
      #expect(try tree.deployment(DeploymentID(2)) == second)
      #expect(try tree.deployment(DeploymentID(3)) == nil)
      #expect(try tree.deployments(of: NodeID(1)) == [second])
      #expect(try tree.nextDeployment == DeploymentID(3))
    }
  }

  @Test(arguments: DeploymentState.allCases)
  func stateAndPinChange(_ state: DeploymentState) throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        try tree.insert(deployment(1))
        try tree.setState(state, of: DeploymentID(1))
        try tree.setPinned(true, DeploymentID(1))
      }
      #expect(try tree.deployment(DeploymentID(1)).map { [$0.state == state, $0.isPinned] } == [true, true])
      try tree.write { try $0.setPinned(false, DeploymentID(1)) }
      #expect(try tree.deployment(DeploymentID(1))?.isPinned == false)
      let unknown = DeploymentID(5)
      expectError(.unknownDeployment(unknown)) { try tree.write { try $0.setPinned(true, unknown) } }
      expectError(.unknownDeployment(unknown)) { try tree.write { try $0.setState(.good, of: unknown) } }
      expectError(.unknownDeployment(unknown)) { try tree.write { try $0.setDefaultDeployment(unknown) } }
      expectError(.unknownDeployment(unknown)) { try tree.write { try $0.delete(unknown) } }
    }
  }

  @Test func onlyGenerationsThatExistAreDeployed() throws {
    try withTree { tree in
      try tree.grow([nil])
      expectError(.unknownGeneration(.base, GenerationNumber(2))) {
        try tree.write { try $0.insert(deployment(1, 0, 2)) }
      }
      expectError(.unknownGeneration(NodeID(1), GenerationNumber(1))) {
        try tree.write { try $0.insert(deployment(1, 1)) }
      }
    }
  }

  @Test func numbersAreNeverGivenTwice() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { try $0.insert(deployment(1)) }
      expectError(.deploymentNumberUsed(DeploymentID(1))) { try tree.write { try $0.insert(deployment(1)) } }
      try tree.write { try $0.delete(DeploymentID(1)) }
      expectError(.deploymentNumberUsed(DeploymentID(1))) { try tree.write { try $0.insert(deployment(1)) } }
      #expect(try tree.nextDeployment == DeploymentID(2))
    }
  }

  @Test func whatMayBootIsNotDeleted() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        for id in 1...4 { try tree.insert(deployment(id)) }
        try tree.setDefaultDeployment(DeploymentID(1))
        try tree.setPreviousDeployment(DeploymentID(2))
        try tree.setPinned(true, DeploymentID(3))
      }
      #expect(try tree.defaultDeployment == DeploymentID(1))
      #expect(try tree.previousDeployment == DeploymentID(2))
      for (id, use) in [(1, DeploymentUse.isDefault), (2, .isPrevious), (3, .pinned)] {
        expectError(.deploymentInUse(DeploymentID(id), use)) { try tree.write { try $0.delete(DeploymentID(id)) } }
      }
      try tree.write { try $0.delete(DeploymentID(4)) }
      try tree.write { tree in
        try tree.setDefaultDeployment(DeploymentID(2))
        try tree.setPreviousDeployment(nil)
        try tree.delete(DeploymentID(1))
      }
      #expect(try tree.deployments().map(\.id.rawValue) == [2, 3])
      #expect(try tree.previousDeployment == nil)
    }
  }

  @Test func whatBootsItComesBack() throws {
    try withTree { tree in
      try tree.grow([nil])
      let files = BootFiles(kernel: "boot/vmlinuz-1", initrd: "boot/initrd.img-1", arguments: "quiet a='b c'")
      var made = deployment(1)
      made.subvolume = subvolume(7, 7)
      made.boot = files
      var bootable = generation(0, 2)
      bootable.boot = files
      try tree.write { tree in
        try tree.insert(made)
        try tree.advance(.base, to: bootable)
      }
      #expect(try tree.deployment(DeploymentID(1)) == made)
      #expect(try tree.currentGenerations().map(\.boot) == [files])
      #expect(try tree.generations().map(\.boot) == [nil, files])
    }
  }

  @Test func aDeletedOneIsCondemnedWithItsSubvolume() throws {
    try withTree { tree in
      try tree.grow([nil])
      var made = deployment(3)
      made.subvolume = subvolume(7, 7)
      try tree.write { try $0.insert(made) }
      try tree.write { try $0.delete(made.id) }
      #expect(try tree.doomed() == [DoomedSubvolume(path: "deploy/3/root", subvolume: subvolume(7, 7))])
    }
  }

  @Test func eachChoiceOfWhatBootsHasItsToken() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        for id in 1...2 { try tree.insert(deployment(id)) }
        try tree.setDefaultDeployment(DeploymentID(1), token: OperationID(11))
        try tree.setOnceDeployment(DeploymentID(2), token: OperationID(12))
      }
      #expect(try [tree.bootToken, tree.onceToken] == [11, 12])
      #expect(try tree.onceDeployment == DeploymentID(2))
      try tree.write { try $0.delete(DeploymentID(2)) }
      #expect(try tree.onceDeployment == nil)
      #expect(try tree.onceToken == 0)
    }
  }

  @Test func whyItDoesNotBootIsKeptWithItsState() throws {
    try withTree { tree in
      try tree.grow([nil])
      try tree.write { tree in
        try tree.insert(deployment(1))
        try tree.setState(.failed, of: DeploymentID(1), reason: "no way")
      }
      #expect(try tree.deployment(DeploymentID(1))?.reason == "no way")
      try tree.write { try $0.setState(.trying, of: DeploymentID(1)) }
      #expect(try tree.deployment(DeploymentID(1))?.reason == nil)
    }
  }
}
