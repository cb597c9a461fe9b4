import FoundationEssentials
import Glibc
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
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
    programs = names.filter(Self.isName).sorted().map { directory.appending($0) }.filter(Self.isProgram)
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

  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
  }

  private static func isProgram(_ file: FilePath) -> Bool {
    var status = stat()
    return stat(file.string, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(file.string, X_OK) == 0
  }
}
