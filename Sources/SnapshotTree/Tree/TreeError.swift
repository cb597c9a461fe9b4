public import SystemPackage

/// Why the tree could not be read or changed.
///
/// The first group is about the file; every case says which. The second is about what was asked for.
public enum TreeError: Error, Sendable, Equatable {
  /// There is no file.
  case missing(FilePath)
  /// There is a file already where one was to be made.
  case exists(FilePath)
  /// The file has no byte in it.
  case empty(FilePath)
  /// The file is shorter than it says.
  case truncated(FilePath)
  /// The file is damaged in another way.
  case corrupt(FilePath, detail: String)
  /// The file is no SQLite database.
  case notADatabase(FilePath)
  /// The file is an SQLite database of some other program.
  case notATree(FilePath)
  /// A newer version made the file, and it asks for a program that knows schema `needed`; this one knows `known`.
  case newer(FilePath, needed: Int, known: Int)
  /// This user may not open the file, or not write to it.
  case notPermitted(FilePath)
  /// The file system, or this connection, is read-only.
  case readOnly(FilePath)
  /// Another process kept the database locked for longer than the timeout.
  case busy(FilePath)
  /// The file system is full.
  case noSpace(FilePath)
  /// The commit failed, and so did the attempt to make sure of that: only the next opening tells whether the
  /// transaction took effect. What it refers to must be left alone until then.
  case outcomeUnknown(FilePath, detail: String)
  /// Any other failure of SQLite: its extended code and what it said.
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
  /// The number was given to a node before.
  case nodeNumberUsed(NodeID)
  /// The number was given to a generation of this node before.
  case generationNumberUsed(NodeID, GenerationNumber)
  /// The number was given to a deployment before.
  case deploymentNumberUsed(DeploymentID)
  /// A parent must be an older node.
  case parentNotOlder(NodeID, parent: NodeID)
  /// The node and the generation that were given do not belong together.
  case mismatch(NodeID, GenerationNumber)
  /// Another generation has this subvolume.
  case subvolumeUsed(SubvolumeUUID)
  /// Base cannot be deleted.
  case baseNotDeletable
  /// The node has children that are to stay.
  case nodeHasChildren(NodeID, [NodeID])
  /// The node is the default one.
  case nodeIsDefault(NodeID)
  /// Deployments were made of this node.
  case nodeIsDeployed(NodeID, [DeploymentID])
  /// The generation is needed.
  case generationInUse(NodeID, GenerationNumber, GenerationUse)
  /// The node has this content already.
  case alreadyCurrent(NodeID, GenerationNumber)
  /// The deployment is needed.
  case deploymentInUse(DeploymentID, DeploymentUse)
  /// The operation has ended.
  case operationNotRunning(OperationID)
  /// All numbers of the range of this account are taken.
  case noFreeAccountID(Account.Kind, name: String)
  /// Records that a tree was to be rebuilt from do not fit together.
  case invalidRecord(NodeID, reason: String)
  /// Text that was to be a record of a node is none.
  case unreadableRecord(reason: String)
  /// A change outside `TreeDatabase.write(_:)`, or `write` inside `read` or `write`: a mistake in the program.
  case misuse(String)
}

/// What a generation is needed for.
public enum GenerationUse: Hashable, Sendable {
  /// It is the content of its node.
  case current
  /// `undo` goes back to it.
  case previous
  /// This deployment was made of it.
  case deployment(DeploymentID)
}

/// What a deployment is needed for.
public enum DeploymentUse: Hashable, Sendable {
  /// It boots by default.
  case isDefault
  /// It is the last one that is known to work.
  case isPrevious
  /// The user pinned it.
  case pinned
}
