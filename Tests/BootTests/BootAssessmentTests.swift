import FoundationEssentials
import SnapshotTree
import SystemPackage
import TestSupport
import Testing

@testable import Boot
@testable import Nodes
@testable import Store

/// The assessment of boots, in a store with a few deployments.
@Suite("Boot assessment", .requiresRoot)
struct BootAssessmentTests {
  private let store: Store

  init() throws {
    let reader = SettingsReader(machine: { .init() }, node: { machine, _, _ in machine })
    store = try Store(opening: try TestStore().root, .writing, reader: reader)
    try store.tree.write { tree in
      for (id, state) in [(1, DeploymentState.good), (2, .good), (3, .trying)] {
        try tree.insert(
          Deployment(id: DeploymentID(id), node: .base, generation: GenerationNumber(1), created: Date(), state: state))
      }
      try tree.setDefaultDeployment(DeploymentID(3))
      try tree.setPreviousDeployment(DeploymentID(2))
    }
  }

  @Test func aDeploymentThatComesUpIsGood() throws {
    let report = try complete(3, "ast.deployment=3 ast.try panic=10")
    #expect(report.sentence == "deployment 3 of node 0 came up and passed the checks: it is good")
    #expect(report.messageOfTheDay == nil)
    #expect(try states() == ["1 good", "2 good previous", "3 good default"])
  }

  @Test func aBootLikeAnyOtherEntersNothing() throws {
    let before = try store.tree.nextOperation
    #expect(try complete(2, "ast.deployment=2").sentence == "deployment 2 of node 0 came up")
    #expect(try states() == ["1 good", "2 good previous", "3 trying default"])
    #expect(try store.tree.nextOperation == before)
  }

  /// GRUB counts by the number of the choice: with the old one, four times of hibernation would be four tries.
  @Test func afterHibernationTheTriesOfAWaitingDeploymentAreCountedAnew() throws {
    let tree = store.tree
    let before = try tree.bootToken
    #expect(try store.renewTries(of: try booted(2)) == [DeploymentID(3)])
    #expect(try tree.bootToken > before)
    #expect(try states() == ["1 good", "2 good previous", "3 trying default"])
    try tree.write { try $0.setOnceDeployment(DeploymentID(1), token: nil) }
    try tree.write { try $0.setState(.good, of: DeploymentID(3)) }
    let token = try tree.bootToken
    #expect(try store.renewTries(of: try booted(2)) == [DeploymentID(1)])
    #expect(try tree.bootToken == token && tree.onceToken > token)
    #expect(try tree.onceDeployment == DeploymentID(1))
    try tree.write { try $0.setOnceDeployment(nil, token: nil) }
    let last = try tree.nextOperation
    #expect(try store.renewTries(of: try booted(2)) == [] && store.renewTries(of: nil) == [])
    #expect(try tree.nextOperation == last)
  }

  /// The plug was pulled between a commit and what is made from it; nothing changes the tree before the next restart.
  @Test(arguments: [nil, 2]) func aStartFinishesWhatWasInterrupted(deployment: Int?) throws {
    let link = store.link(of: .base)
    try store.tree.write { try $0.markUnpublished([.base]) }
    try runSuccessfully(["rm", link.string])
    let running = try deployment.map(booted) ?? .trial(try #require(try store.tree.currentGenerations().first))
    _ = try store.completeBoot(of: running, BootParameters(commandLine: ""))
    #expect(try runSuccessfully(["readlink", link.string]) != "")
    #expect(try store.tree.unpublished() == [])
  }

  @Test func afterAFallbackTheOtherOneIsFailed() throws {
    let report = try complete(2, "ast.deployment=2 ast.fallback=3")
    #expect(
      report.sentence == "deployment 3 of node 0 failed: it did not come up; "
        + "deployment 2 of node 0 runs instead, and is the default again")
    #expect(
      report.messageOfTheDay == """
        Deployment 3 of node 0 failed: it did not come up.
        This is deployment 2 of node 0, the last good one, and the default again.
        `ast status` tells more; `ast deploy 0` tries node 0 again.

        """)
    #expect(try states() == ["1 good previous", "2 good default", "3 failed: it did not come up"])
    #expect(try store.tree.bootToken == store.tree.nextOperation.rawValue - 1)
    #expect(try store.tree.history(limit: 1).map(\.kind) == ["fall-back"])
  }

  @Test func theReasonThatWasNotedStays() throws {
    let running = try booted(3)
    #expect(try store.failBoot(of: running, "the web does not answer", tried) == true)
    #expect(try states() == ["1 good", "2 good previous", "3 trying default: the web does not answer"])
    _ = try complete(2, "ast.deployment=2 ast.fallback=3")
    #expect(try states() == ["1 good previous", "2 good default", "3 failed: the web does not answer"])
  }

  @Test func aReasonGoesWithSuccess() throws {
    _ = try store.failBoot(of: try booted(3), "too slow", tried)
    _ = try complete(3, "ast.deployment=3 ast.try")
    #expect(try states() == ["1 good", "2 good previous", "3 good default"])
  }

  @Test func onlyWhatHasToProveItselfFails() throws {
    #expect(try store.failBoot(of: try booted(2), "why", tried) == false)
    #expect(try store.failBoot(of: try booted(3), "why", BootParameters(commandLine: "ast.deployment=3")) == false)
    #expect(try store.failBoot(of: nil, "why", tried) == false)
    #expect(try states() == ["1 good", "2 good previous", "3 trying default"])
  }

  @Test func aDefaultThatWasChosenMeanwhileStays() throws {
    try store.tree.write { try $0.setDefaultDeployment(DeploymentID(1)) }
    #expect(try complete(2, "ast.deployment=2 ast.fallback=3").sentence == "deployment 2 of node 0 came up")
    #expect(try states() == ["1 good default", "2 good previous", "3 trying"])
  }

  @Test(arguments: [("another boot", false), (Store.bootID, true)])
  func aBootJustOnceIsOverWithTheNextBoot(boot: String, stays: Bool) throws {
    try store.tree.write { tree in
      let operation = try tree.begin("deploy", node: .base, command: "ast", bootID: boot, pid: 1)
      try tree.finish(operation, .done)
      try tree.setOnceDeployment(DeploymentID(1), token: operation)
    }
    _ = try complete(2, "ast.deployment=2")
    #expect(try store.tree.onceDeployment == (stays ? DeploymentID(1) : nil))
  }

  @Test func aTrialEntersNothing() throws {
    let generation = try #require(try store.tree.generation(of: .base, GenerationNumber(1)))
    let report = try store.completeBoot(of: .trial(generation), BootParameters(commandLine: "ast.trial=0/1"))
    #expect(report.sentence == "this is a trial of node 0")
    #expect(
      report.messageOfTheDay == """
        This is a trial of node 0: what you change in /etc is gone after the next boot.
        `ast deploy` makes it permanent.

        """)
    #expect(try store.completeBoot(of: nil, BootParameters(commandLine: "")) == .foreign)
    #expect(try states() == ["1 good", "2 good previous", "3 trying default"])
  }

  private let tried = BootParameters(commandLine: "ast.deployment=3 ast.try panic=10")

  private func booted(_ id: Int) throws -> Booted {
    .deployment(try #require(try store.tree.deployment(DeploymentID(id))))
  }

  private func complete(_ id: Int, _ commandLine: String) throws -> BootReport {
    try store.completeBoot(of: booted(id), BootParameters(commandLine: commandLine))
  }

  private func states() throws -> [String] {
    let (byDefault, previous) = (try store.tree.defaultDeployment, try store.tree.previousDeployment)
    return try store.tree.deployments().map { deployment in
      "\(deployment.id) \(deployment.state)" + (deployment.id == previous ? " previous" : "")
        + (deployment.id == byDefault ? " default" : "") + (deployment.reason.map { ": \($0)" } ?? "")
    }
  }
}

struct BootParametersTests {
  @Test(arguments: [
    ("", nil, nil, nil, false),
    // Numbers that no deployment or node has.
    ("ast.deployment=-1 ast.trial=+1 ast.fallback=", nil, nil, nil, false),
    ("ast.deployment=2147483648 ast.trial=9223372036854775807/1 ast.fallback=1x", nil, nil, nil, false),
    ("BOOT_IMAGE=/x root=UUID=1 ro ast.deployment=7 quiet\n", 7, nil, nil, false),
    ("ast.deployment=7 ast.try panic=10", 7, nil, nil, true),
    ("ast.deployment=6 ast.fallback=7", 6, nil, 7, false),
    ("ast.trial=5/3 systemd.machine_id=0", nil, 5, nil, false),
    ("ast.deployment=7 ast.deployment=8 x=\"a ast.try b\"", 7, nil, nil, false),
    ("ast.deployment=x ast.trial= ast.fallback ast.tries -- ast.try", nil, nil, nil, false),
  ])
  func areReadFromTheCommandLine(line: String, deployment: Int?, trial: Int?, fallback: Int?, isTry: Bool) {
    let parameters = BootParameters(commandLine: line)
    #expect(parameters.deployment?.rawValue == deployment)
    #expect(parameters.trial?.rawValue == trial)
    #expect(parameters.fallback?.rawValue == fallback)
    #expect(parameters.isTry == isTry)
  }

  @Test(arguments: [
    ("BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro", true), ("BOOT_IMAGE ro", true), ("root=/dev/vda1 ro", false),
    ("NOT_BOOT_IMAGE=/x", false), ("ro -- BOOT_IMAGE=/x", false), ("", false),
  ])
  func tellWhetherGrubStartedTheKernel(line: String, isFromGrub: Bool) {
    #expect(BootParameters(commandLine: line).isFromGrub == isFromGrub)
  }
}

@Suite("Health checks", .requiresRoot)
struct HealthCheckTests {
  private let directory: FilePath

  init() throws {
    directory = try LoopBtrfs.shared.newDirectory()
    try add("README", "exit 1", mode: "644")
    try add("10-first", "echo one; echo two >&2")
    try add("05_zeroth", "echo zero")
    try add("20-old.dpkg-dist", "exit 1")
    try add("30-plain", "exit 1", mode: "644")
    try runSuccessfully(["ln", "-s", "10-first", directory.appending("40-link").string])
    try runSuccessfully(["mkdir", directory.appending("50-directory").string])
  }

  @Test func executableFilesAreRunInOrder() throws {
    let checks = HealthChecks(in: directory)
    #expect(checks.programs.map { $0.lastComponent?.string } == ["05_zeroth", "10-first", "40-link"])
    let (failure, said) = try run(checks)
    #expect(failure == nil)
    #expect(said == "zero\none\ntwo\none\ntwo\n")
  }

  @Test func theFirstThatFailsIsNamed() throws {
    try add("07-bad", "echo broken; exit 3")
    let (failure, said) = try run(HealthChecks(in: directory))
    #expect(failure == "`\(directory)/07-bad` failed (exit status 3)")
    #expect(said == "zero\nbroken\n")
  }

  @Test func whatCannotBeRunFails() throws {
    try runSuccessfully(["sh", "-c", "echo '#!/nowhere' >01; chmod 755 01"], in: directory)
    #expect(try run(HealthChecks(in: directory)).failure?.hasPrefix("cannot run `") == true)
  }

  @Test func withoutADirectoryThereIsNothingToFail() throws {
    #expect(try run(HealthChecks(in: directory.appending("missing"))) == (nil, ""))
  }

  private func add(_ name: String, _ script: String, mode: String = "755") throws {
    let file = directory.appending(name).string
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: file))
    try runSuccessfully(["chmod", mode, file])
  }

  private func run(_ checks: HealthChecks) throws -> (failure: String?, said: String) {
    let file = directory.appending("said")
    let messages = try FileDescriptor.open(
      file, .readWrite, options: [.create, .append], permissions: .ownerReadWrite)
    let failure = messages.closeOnReturn { checks.firstFailure(showing: messages) }
    return (failure, try String(contentsOfFile: file.string, encoding: .utf8))
  }
}

extension FileDescriptor {
  fileprivate func closeOnReturn<Result>(_ body: () -> Result) -> Result {
    defer { try? close() }
    return body()
  }
}
