import CSandbox
import SystemPackage

/// A program that could not be started in a sandbox.
public struct SandboxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The step of the set-up.
  public enum Step: Sendable, Hashable {
    /// Getting memory and descriptors for the run.
    case prepare
    /// Making its control group.
    case limit
    /// Making the namespaces.
    case makeNamespaces
    /// Taking over the standard streams; a directory is refused.
    case takeStreams
    /// Opening the source of a bind.
    case openSource
    /// Making the directory the root.
    case enterRoot
    /// Finding or making one of the sandbox's own mount points; a symbolic link is refused.
    case makeMountPoint
    /// Mounting one of the sandbox's own file systems.
    case mount
    /// Making a device node or file of the sandbox.
    case makeFile
    /// Raising the loopback interface, or joining a network.
    case enterNetwork
    /// Installing the system call filter or dropping capabilities.
    case dropRights
    /// Going to the working directory.
    case enterWorkingDirectory
    /// Executing the program.
    case execute
    /// Waiting for the first process of the sandbox, which was killed from outside.
    case attend
  }

  /// The step that failed.
  public let step: Step
  /// The subject of the step: a path on the host or inside, or the program's name.
  public let path: FilePath?
  /// The reason.
  public let errno: Errno

  /// The exit status of a shell that cannot start a program: 127 if no program has this name, 126 if it cannot be
  /// executed. `nil` if an earlier step failed.
  public var status: Int32? {
    guard step == .execute else { return nil }
    return errno == .noSuchFileOrDirectory || errno == .notDirectory ? 127 : 126
  }

  /// One sentence for the user.
  public var description: String {
    let subject = path.map { "\($0)" } ?? "the sandbox"
    return switch (step, status) {
    case (_, 127?): "\(subject): program not found in the node"
    case (.prepare, _): "cannot prepare the sandbox: \(errno)"
    case (.limit, _): "cannot make the control group \(subject): \(errno)"
    case (.makeNamespaces, _): "cannot create namespaces: \(errno)"
    case (.takeStreams, _): "cannot use the standard streams: \(errno)"
    case (.openSource, _): "cannot show \(subject) in the sandbox: \(errno)"
    case (.enterRoot, _): "cannot make \(subject) the root: \(errno)"
    case (.makeMountPoint, _) where errno == .tooManySymbolicLinkLevels:
      "\(subject) of the node is a symbolic link; it must be a directory"
    case (.makeMountPoint, _): "\(subject) of the node cannot be mounted on: \(errno)"
    case (.mount, _): "cannot mount \(subject) in the sandbox: \(errno)"
    case (.makeFile, _): "cannot create \(subject) in the sandbox: \(errno)"
    case (.enterNetwork, _): "cannot set up the network of the sandbox: \(errno)"
    case (.dropRights, _): "cannot drop the rights of the program: \(errno)"
    case (.enterWorkingDirectory, _): "cannot go to the directory \(subject) of the node: \(errno)"
    case (.execute, _): "cannot execute \(subject): \(errno)"
    case (.attend, _) where errno == .noMemory: "all programs in the sandbox were killed for their memory"
    case (.attend, _): "the first process of the sandbox was killed"
    }
  }
}

extension SandboxError {
  init(_ result: sandbox_result) {
    self.init(
      step: Step(result.step), path: result.path.map { FilePath(platformString: $0) },
      errno: Errno(rawValue: result.error))
  }
}

extension SandboxError.Step {
  init(_ step: sandbox_step) {
    self =
      switch step {
      case SANDBOX_STEP_CLONE, SANDBOX_STEP_FORK: .makeNamespaces
      case SANDBOX_STEP_STREAMS: .takeStreams
      case SANDBOX_STEP_SOURCE: .openSource
      case SANDBOX_STEP_PRIVATE_MOUNTS, SANDBOX_STEP_ROOT, SANDBOX_STEP_PIVOT: .enterRoot
      case SANDBOX_STEP_MOUNT_POINT: .makeMountPoint
      case SANDBOX_STEP_MOUNT: .mount
      case SANDBOX_STEP_DEVICE, SANDBOX_STEP_FILE: .makeFile
      case SANDBOX_STEP_NETWORK: .enterNetwork
      case SANDBOX_STEP_FILTER, SANDBOX_STEP_CAPABILITIES: .dropRights
      case SANDBOX_STEP_WORKING_DIRECTORY: .enterWorkingDirectory
      case SANDBOX_STEP_EXECUTE: .execute
      case SANDBOX_STEP_INIT_DIED: .attend
      default: .prepare
      }
  }
}
