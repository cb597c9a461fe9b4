public import SystemPackage

/// The reason why the tree could not be read or changed.
///
/// The first group is about the file, which every case names. The second is about the request.
public enum TreeError: Error, Sendable, Equatable {
  /// The file does not exist.
  case missing(FilePath)
  /// The file that should be made exists already.
  case exists(FilePath)
  /// The file is empty.
  case empty(FilePath)
  /// The file is shorter than its header says.
  case truncated(FilePath)
  /// The file is damaged in another way.
  case corrupt(FilePath, detail: String)
  /// The file is not an SQLite database.
  case notADatabase(FilePath)
  /// The file is an SQLite database of another program.
  case notATree(FilePath)
  /// The file is of a newer version and needs a program that knows schema `needed`; this one knows `known`.
  case newer(FilePath, needed: Int, known: Int)
  /// This user is not permitted to open the file, or to write to it.
  case notPermitted(FilePath)
  /// The file system, or this connection, is read-only.
  case readOnly(FilePath)
  /// Another process kept the database locked for longer than the timeout.
  case busy(FilePath)
  /// The file system is full.
  case noSpace(FilePath)
  /// The commit failed, and so did the attempt to undo it: only the next opening shows whether the transaction took
  /// effect. Everything it refers to must be left alone until then.
  case outcomeUnknown(FilePath, detail: String)
  /// Any other failure of SQLite: its extended code and message.
  case sqlite(FilePath, code: Int32, detail: String)

  /// There is no such node.
  case unknownNode(NodeID)
  /// There is no such generation.
  case unknownGeneration(NodeID, GenerationNumber)
  /// There is no such deployment.
  case unknownDeployment(DeploymentID)
  /// There is no such operation.
  case unknownOperation(OperationID)
  /// There is no such manifest.
  case unknownManifest(ManifestID)
  /// The number was already given to a node.
  case nodeNumberUsed(NodeID)
  /// The number was already given to a generation of this node.
  case generationNumberUsed(NodeID, GenerationNumber)
  /// The number was already given to a deployment.
  case deploymentNumberUsed(DeploymentID)
  /// The parent is the node itself or below it.
  case parentIsBelow(NodeID, parent: NodeID)
  /// Base is always at the top.
  case baseNotMovable
  /// The node and the generation that were given do not belong together.
  case mismatch(NodeID, GenerationNumber)
  /// Another generation has this subvolume.
  case subvolumeUsed(SubvolumeUUID)
  /// Base cannot be deleted.
  case baseNotDeletable
  /// The node has children that are not deleted.
  case nodeHasChildren(NodeID, [NodeID])
  /// The node is the default one.
  case nodeIsDefault(NodeID)
  /// Deployments were made of this node.
  case nodeIsDeployed(NodeID, [DeploymentID])
  /// The generation is needed.
  case generationInUse(NodeID, GenerationNumber, GenerationUse)
  /// The node has this content already.
  case alreadyCurrent(NodeID, GenerationNumber)
  /// The node or one of its generations has a tag, or a generation is pinned.
  case nodeIsKept(NodeID)
  /// There is no such tag.
  case unknownTag(TagName)
  /// The tag names something already.
  case tagUsed(TagName)
  /// The deployment is needed.
  case deploymentInUse(DeploymentID, DeploymentUse)
  /// The operation has ended.
  case operationNotRunning(OperationID)
  /// All numbers of the range of this account are taken.
  case noFreeAccountID(Account.Kind, name: String)
  /// The records for rebuilding a tree contradict each other.
  case invalidRecord(NodeID, reason: String)
  /// The text is not a valid record of a node.
  case unreadableRecord(reason: String)
  /// A change outside `TreeDatabase.write(_:)`, or `write` inside `read` or `write`: a mistake in the program.
  case misuse(String)
}

/// The uses of a generation.
public enum GenerationUse: Hashable, Sendable {
  /// It is the content of its node.
  case current
  /// `undo` goes back to it.
  case previous
  /// This deployment was made of it.
  case deployment(DeploymentID)
  /// The user pinned it, or gave it a tag.
  case kept
}

/// The uses of a deployment.
public enum DeploymentUse: Hashable, Sendable {
  /// It boots by default.
  case isDefault
  /// It is the last good one.
  case isPrevious
  /// The user pinned it.
  case pinned
}
