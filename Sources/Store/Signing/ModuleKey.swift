import Btrfs
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The machine's key for kernel modules: a key that shim takes for modules, and refuses for boot loaders and kernels.
///
/// It is in a directory of the store that no node contains and no sandbox shows: whoever has it can sign what the kernel
/// of every deployment loads.
public struct ModuleKey: Sendable {
  /// The certificate, in DER: what firmware has to know (mokutil(1)).
  public let certificate: FilePath
  let key: FilePath

  private init(in root: FilePath) {
    let directory = Self.directory(in: root)
    (certificate, key) = (directory.appending("certificate.der"), directory.appending("key.pem"))
  }

  private var isThere: Bool { [certificate, key].allSatisfy { access($0.string, F_OK) == 0 } }

  private static func directory(in root: FilePath) -> FilePath { root.appending("ast/module-key") }

  /// The key of a store; nil if it has none, or if this user may not see it.
  public static func existing(in root: FilePath) -> ModuleKey? {
    let key = ModuleKey(in: root)
    return key.isThere ? key : nil
  }

  /// The key of a store, made now if there is none.
  ///
  /// - Throws: `AstError`; then there is none.
  static func made(in store: Store) throws -> ModuleKey {
    let key = ModuleKey(in: store.root)
    guard !key.isThere else { return key }
    let lock = try store.lockBriefly("module-key", .seconds(60), "another command that makes the key for modules")
    guard lock != nil else {
      throw AstError(.busy, "another command makes the key for kernel modules", hint: "run the command again")
    }
    defer { withExtendedLifetime(lock) {} }
    if !key.isThere { try key.make(in: store.root) }
    return key
  }

  /// Makes both files in a directory of another name, and gives it its own when they are durable.
  private func make(in root: FilePath) throws {
    let directory = Self.directory(in: root)
    // A directory that lacks one of the files has lost the key.
    for left in [FilePath("\(directory).new"), directory] where access(left.string, F_OK) == 0 {
      try Files.attempt("remove", left) { try FileManager.default.removeItem(atPath: left.string) }
    }
    try Store.makePrivateDirectory("ast/module-key.new", in: root)
    let new = FilePath("\(directory).new")
    let (request, newKey) = (new.appending("request"), new.appending("key.pem"))
    try Files.write(Self.request.utf8, to: request)
    // Before anything is in it.
    try Files.write([], to: newKey)
    try Files.setMode(newKey, 0o600)
    try Self.openssl([
      "req", "-new", "-x509", "-utf8", "-sha256", "-days", "36500", "-newkey", "rsa:2048", "-nodes",
      "-config", request.string, "-keyout", newKey.string,
      "-outform", "DER", "-out", new.appending("certificate.der").string,
    ]).run()
    try Files.removeFile(request)
    failPoint("module key made")
    try FileSystem.sync(root)
    try Files.rename(new, to: directory)
    try FileSystem.sync(root)
    failPoint("module key in place")
  }

  /// The signature of a module: a PKCS#7 message in DER. The program that makes it sees the bytes of the module only.
  ///
  /// - Parameter module: an open file.
  /// - Throws: `AstError`.
  func sign(_ module: FileDescriptor, hash: String) throws -> [UInt8] {
    // As scripts/sign-file of the kernel: neither the content nor certificates nor attributes.
    let text = try Self.openssl([
      "cms", "-sign", "-binary", "-nocerts", "-noattr", "-nosmimecap", "-md", hash,
      "-signer", certificate.string, "-inkey", key.string,
      "-in", "/proc/\(getpid())/fd/\(module.rawValue)", "-outform", "PEM",
    ]).output()
    let lines = text.split(separator: "\n").drop { !$0.hasPrefix("-----BEGIN") }.dropFirst()
    let encoded = lines.prefix { !$0.hasPrefix("-----END") }.joined()
    guard let message = Data(base64Encoded: encoded), !message.isEmpty else {
      throw AstError(.failed, "`openssl cms` printed no signature")
    }
    return Array(message)
  }

  /// The serial number of the certificate, as openssl(1) prints it: in hexadecimal digits.
  public func serial() throws -> String {
    let line = try Self.openssl(["x509", "-inform", "DER", "-in", certificate.string, "-noout", "-serial"]).line()
    return String(line.split(separator: "=").last ?? "")
  }

  private static func openssl(_ arguments: [String]) -> ChildProcess { ChildProcess("openssl", arguments) }

  /// The extended use is that of modules alone, which shim looks for (`OID_EKU_MODSIGN`).
  private static let request = """
    [req]
    prompt = no
    distinguished_name = name
    x509_extensions = extensions
    [name]
    CN = Kernel modules of this machine (ast)
    [extensions]
    basicConstraints = critical,CA:FALSE
    keyUsage = critical,digitalSignature
    extendedKeyUsage = 1.3.6.1.4.1.2312.16.1.2
    subjectKeyIdentifier = hash
    authorityKeyIdentifier = keyid

    """
}
