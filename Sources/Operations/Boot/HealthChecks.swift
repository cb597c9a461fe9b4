import Host
import SystemPackage

/// The programs in a directory that decide whether a boot is good.
public struct HealthChecks: Sendable {
  /// The directory in which the administrator puts them.
  public static let directory: FilePath = "/etc/ast/health.d"

  /// The programs to run, in their order.
  public let programs: [FilePath]

  /// The checks in a directory: executable files with names as run-parts(8) takes them, in the order of their names.
  public init(in directory: FilePath) {
    programs = ExecutableDirectory(directory).programs
  }

  /// Runs the programs until one fails. Their output goes to `messages`.
  ///
  /// - Returns: why the boot is not good; nil if it is.
  public func firstFailure(showing messages: FileDescriptor) -> String? {
    for program in programs {
      do {
        try ChildProcess(program.string, []).run(showing: messages)
      } catch {
        return AstError(error).message
      }
    }
    return nil
  }
}
