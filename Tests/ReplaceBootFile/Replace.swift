import Glibc
import Host
import SystemPackage

/// Replaces a file as ast does what a boot loader reads, for the tests that cut the power meanwhile.
///
///     replace-boot-file FILE <CONTENT
@main
struct Replace {
  static func main() {
    do {
      let path = FilePath(CommandLine.arguments.dropFirst().first ?? "")
      try BootLoaderFile(path).replace(with: Files.contents(of: "/dev/stdin")) { say($0) }
    } catch {
      say(AstError(error).message)
      exit(AstError(error).exitStatus)
    }
  }

  private static func say(_ sentence: String) {
    // There is nobody to tell that this failed.
    _ = try? FileDescriptor.standardError.writeAll("\(sentence)\n".utf8)
  }
}
