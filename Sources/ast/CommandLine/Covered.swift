import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Live
import Nodes
import Store
import SystemPackage

/// This program in the place of another one, which it covers on a booted deployment (``CoveredProgram``): it says what to
/// type instead, or becomes the real one.
enum Covered {
  /// The exit status of apt-get(8) when it fails.
  private static let refused: Int32 = 100

  /// Does what is to be done in the place of another program.
  ///
  /// - Returns: the exit status; nil if this is ast in its own place.
  static func run() -> Int32? {
    // The path by which it was mounted there.
    guard let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      let program = CoveredProgram(atPath: place)
    else { return nil }
    let environment = ProcessInfo.processInfo.environment
    switch CoveredCommand(program, Array(CommandLine.arguments.dropFirst()), environment: environment) {
    case .run: break
    case .runWithIndices: sayIfIndicesAreMissing()
    case .runUncovered: uncover()
    case .explain(let advice):
      // A root that was made writable can be changed.
      guard geteuid() == 0, access("/usr", W_OK) == 0 else {
        FileDescriptor.standardError.tell("ast: \(advice.sentence(node: node, quoting: \.quotedForShell))")
        return refused
      }
      uncover()
    }
    let real = CoveredPrograms.real(of: FilePath(place))
    execv(real.string, CommandLine.unsafeArgv)
    FileDescriptor.standardError.tell("ast: cannot run \(real): \(Errno(rawValue: errno))")
    return 127
  }

  /// The node that runs, as it is typed.
  private static var node: String {
    let root = FilePath(GlobalOptions.usualRoot)
    let store = try? Store(opening: root, .reading, reader: .files)
    return (try? store?.bootedNode()).flatMap { $0 }.map { "\($0)" } ?? "NODE"
  }

  private static func uncover() {
    do {
      try CoveredPrograms.uncover()
    } catch {
      FileDescriptor.standardError.tell("ast: some programs are covered by ast, and differ: \(AstError(error).reason)")
    }
  }

  private static func sayIfIndicesAreMissing() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/var/lib/apt/lists")) ?? []
    guard !names.contains(where: { $0.contains("_Packages") || $0.hasSuffix("Release") }) else { return }
    FileDescriptor.standardError.tell(
      "ast: this system has no package indices, which are in the store: `apt update` fetches some, and changes no package"
    )
  }
}
