extension TreeError: CustomStringConvertible {
  /// One sentence for a person, without a full stop.
  public var description: String {
    switch self {
    case .missing(let path): "there is no snapshot tree: \(path) does not exist"
    case .exists(let path): "\(path) exists already"
    case .empty(let path): "the snapshot tree is damaged: \(path) is empty"
    case .truncated(let path): "the snapshot tree is damaged: the end of \(path) is missing"
    case .corrupt(let path, let detail): "the snapshot tree is damaged: \(path): \(detail)"
    case .notADatabase(let path): "\(path) is not a snapshot tree: it is not an SQLite database"
    case .notATree(let path): "\(path) is not a snapshot tree: it is a database of another program"
    case .newer(let path, let needed, let known):
      "\(path) was written by a newer version: it needs a program that knows schema \(needed), this one knows \(known)"
    case .notPermitted(let path): "no permission to open \(path)"
    case .readOnly(let path): "\(path) cannot be written: it is read-only here"
    case .busy(let path): "\(path) is locked by another process"
    case .noSpace(let path): "no space left to write \(path)"
    case .outcomeUnknown(let path, let detail): "it is unknown whether the change of \(path) took effect: \(detail)"
    case .sqlite(let path, let code, let detail): "\(path): \(detail) (SQLite \(code))"
    case .unknownNode(let node): "there is no node \(node)"
    case .unknownGeneration(let node, let number): "node \(node) has no generation \(number)"
    case .unknownDeployment(let deployment): "there is no deployment \(deployment)"
    case .unknownOperation(let operation): "there is no operation t\(operation)"
    case .unknownManifest(let manifest): "there is no package manifest \(manifest)"
    case .nodeNumberUsed(let node): "the number \(node) was given to a node before"
    case .generationNumberUsed(let node, let number): "node \(node) had a generation \(number) before"
    case .deploymentNumberUsed(let deployment): "the number \(deployment) was given to a deployment before"
    case .parentIsBelow(let node, let parent):
      node == parent ? "node \(node) cannot be its own parent" : "node \(parent) is below node \(node)"
    case .baseNotMovable: "node 0 is the base and cannot be moved"
    case .mismatch(let node, let number): "generation \(number) does not belong to node \(node)"
    case .subvolumeUsed(let subvolume): "another generation has the subvolume \(subvolume)"
    case .baseNotDeletable: "node 0 is the base and cannot be deleted"
    case .nodeHasChildren(let node, let children): "node \(node) has children: \(list(children))"
    case .nodeIsDefault(let node): "node \(node) is the default node"
    case .nodeIsDeployed(let node, let deployments): "node \(node) is deployed: deployment \(list(deployments))"
    case .nodeIsKept(let node): "node \(node) has a tag or a pinned generation"
    case .unknownTag(let name): "there is no tag \(name)"
    case .tagUsed(let name): "the tag \(name) is taken"
    case .generationInUse(let node, let number, let use): "generation \(number) of node \(node) \(use.phrase)"
    case .alreadyCurrent(let node, let number): "generation \(number) is the content of node \(node) already"
    case .deploymentInUse(let deployment, let use): "deployment \(deployment) is \(use.phrase)"
    case .operationNotRunning(let operation): "operation t\(operation) has ended"
    case .noFreeAccountID(let kind, let name): "there is no free number for the \(kind.rawValue) \(name)"
    case .invalidRecord(let node, let reason): "the record of node \(node) does not fit: \(reason)"
    case .unreadableRecord(let reason): "a record of a node cannot be read: \(reason)"
    case .misuse(let what): "the program uses the snapshot tree wrongly: \(what)"
    }
  }

  private func list(_ identifiers: [some TreeIdentifier]) -> String {
    identifiers.map(\.description).joined(separator: ", ")
  }
}

extension GenerationUse {
  fileprivate var phrase: String {
    switch self {
    case .current: "is its content"
    case .previous: "is the one before its content"
    case .deployment(let deployment): "is deployed: deployment \(deployment)"
    case .kept: "is pinned or has a tag"
    }
  }
}

extension DeploymentUse {
  fileprivate var phrase: String {
    switch self {
    case .isDefault: "the default"
    case .isPrevious: "the last one known to work"
    case .pinned: "pinned"
    }
  }
}
