import FoundationEssentials
import Synchronization
import SystemPackage

/// The key that signs the archives of this test process: made at first use, removed with the file system of the tests.
public enum ArchiveKey {
  /// The public key, in the form of a file `*.asc` for apt.
  public static var publicKey: String {
    get throws { try home.get().publicKey }
  }

  /// Signs a text in place, as an `InRelease` is.
  static func clearsign(_ text: String) throws -> String {
    let home = try home.get()
    return try agent.withLock { _ in try gpg(["--clearsign"], in: home.directory, input: text) }
  }

  private struct Home {
    let directory: FilePath
    let publicKey: String
  }

  private static let home: Result<Home, any Error> = Result {
    let directory = try LoopBtrfs.shared.newDirectory()
    let made = ["--passphrase", "", "--quick-generate-key", "Archive of the tests", "ed25519", "sign", "never"]
    // gpg complains of a home that others can read.
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory.string)
    return try agent.withLock { _ in
      _ = try gpg(made, in: directory)
      return Home(directory: directory, publicKey: try gpg(["--armor", "--export"], in: directory))
    }
  }

  /// gpg starts an agent and leaves it running. Each use has its own agent, and ends it.
  private static let agent = Mutex(())

  private static func gpg(_ arguments: [String], in home: FilePath, input: String = "") throws -> String {
    let environment = plainEnvironment.merging(["GNUPGHOME": home.string]) { $1 }
    defer { _ = try? run(["gpgconf", "--kill", "gpg-agent"], environment: environment) }
    return try runSuccessfully(
      ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback"] + arguments, environment: environment, input: input)
  }
}
