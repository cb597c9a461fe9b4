import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Synchronization
import SystemPackage

/// Signs the kernel modules that programs in a sandbox hand out through a socket, and gives them the signature. The key
/// stays outside.
///
/// It ends, with the socket, when nothing refers to it any more.
final class ModuleSigner {
  /// What the sandbox shows: the socket, a stand-in for the kernel's sign-file, the certificate, and a file in place of
  /// the key, because DKMS looks whether there is one.
  var bind: Sandbox.Bind { Sandbox.Bind(directory, at: Self.inside) }

  /// Why modules were not signed.
  var refusals: [String] { work.refusals }

  private let directory: FilePath
  private let work: SigningWork
  private let end: FileDescriptor
  private let thread: QuietThread

  init(with key: ModuleKey) throws {
    let above = try Self.makeDirectory()
    Self.removeLeftovers(in: above)
    var template = Array(above.appending("\(getpid())-XXXXXX").string.utf8CString)
    guard mkdtemp(&template) != nil else { throw FileError("make a directory in", above, Errno(rawValue: errno)) }
    directory = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    do {
      let certificate = try Files.contents(of: key.certificate)
      try Self.fill(directory, certificate)
      let listener = try Self.listen(at: directory.appending("socket"))
      do {
        let (ended, end) = try makePipe()
        self.end = end
        work = SigningWork(key: key, listener: listener, ended: ended)
      } catch {
        try? listener.close()
        throw error
      }
    } catch {
      Self.remove(directory)
      throw error
    }
    do {
      thread = try QuietThread { [work] in work.run() }
    } catch {
      for descriptor in [work.listener, work.ended, end] { try? descriptor.close() }
      Self.remove(directory)
      throw AstError(.failed, "cannot start a thread: \(error)")
    }
  }

  deinit {
    try? end.close()
    thread.join()
    Self.remove(directory)
  }

  /// The directory, inside the sandbox.
  static let inside: FilePath = "/run/ast/sign"
  /// The directory of those of all commands. Only root gets to a socket in it.
  private static let outside: FilePath = "/run/ast/sign"

  private static func makeDirectory() throws -> FilePath {
    try Files.ensureDirectory(outside.removingLastComponent())
    try Files.ensureDirectory(outside, mode: 0o700)
    return outside
  }

  private static func fill(_ directory: FilePath, _ certificate: Data) throws {
    try Files.setMode(directory, 0o755)
    let program = directory.appending("sign-file")
    try Files.write(PackageResources.sign_file, to: program)
    try Files.setMode(program, 0o755)
    try Files.write(certificate, to: directory.appending("certificate.der"))
    try Files.write("The key is not here: ast signs.\n".utf8, to: directory.appending("key"))
  }

  private static func listen(at path: FilePath) throws -> FileDescriptor {
    let socket = FileDescriptor(rawValue: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    guard socket.rawValue >= 0 else { throw FileError("make the socket", path, Errno(rawValue: errno)) }
    do {
      try Files.attempt("make the socket", path) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.string.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno.fileNameTooLong }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let status = withUnsafePointer(to: &address) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.bind(socket.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
        guard status == 0, fcntl(socket.rawValue, F_SETFD, FD_CLOEXEC) == 0, Glibc.listen(socket.rawValue, 16) == 0
        else { throw Errno(rawValue: errno) }
      }
      try Files.setMode(path, 0o600)
      return socket
    } catch {
      try? socket.close()
      throw error
    }
  }

  /// Removes the directories of commands that were killed.
  private static func removeLeftovers(in directory: FilePath) {
    for name in (try? Files.names(in: directory)) ?? [] {
      guard let process = Int32(name.prefix { $0 != "-" }), process > 0, kill(process, 0) != 0, errno == ESRCH else {
        continue
      }
      remove(directory.appending(name))
    }
  }

  private static func remove(_ directory: FilePath) {
    try? FileManager.default.removeItem(atPath: directory.string)
  }
}

/// What the thread does: one module after the other.
private final class SigningWork: Sendable {
  let listener: FileDescriptor
  /// A pipe that ends when the signer does.
  let ended: FileDescriptor
  private let key: ModuleKey
  private let said = Mutex<[String]>([])

  init(key: ModuleKey, listener: FileDescriptor, ended: FileDescriptor) {
    (self.key, self.listener, self.ended) = (key, listener, ended)
  }

  var refusals: [String] { said.withLock { $0 } }

  func run() {
    var count = 0
    while wait(for: listener, until: nil) {
      let connection = FileDescriptor(rawValue: accept(listener.rawValue, nil, nil))
      guard connection.rawValue >= 0 else { continue }
      count += 1
      let answer = answer(to: connection, isAllowed: count <= SigningLimits.modules)
      send(answer, to: connection)
      try? connection.close()
    }
    for descriptor in [listener, ended] { try? descriptor.close() }
  }

  /// Waits until something can be read; false if the signer ends, or the time is over.
  private func wait(for descriptor: FileDescriptor, until deadline: ContinuousClock.Instant?) -> Bool {
    var polled = [descriptor, ended].map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    while true {
      let ready = poll(&polled, nfds_t(polled.count), deadline == nil ? -1 : 1000)
      if ready < 0, errno != EINTR { return false }
      if ready > 0, polled[1].revents != 0 { return false }
      if ready > 0, polled[0].revents != 0 { return true }
      if let deadline, ContinuousClock.now > deadline { return false }
    }
  }

  private func answer(to connection: FileDescriptor, isAllowed: Bool) -> [UInt8] {
    do {
      guard isAllowed else { throw Refusal("more than \(SigningLimits.modules) modules in one change") }
      let (hash, module) = try receive(from: connection)
      return try module.closeAfter {
        try Array("signed\n".utf8) + ModuleSignature.trailer(for: key.sign(module, hash: hash))
      }
    } catch {
      let reason = (error as? Refusal)?.reason ?? AstError(error).reason
      // A program in the node can ask as often as it likes.
      said.withLock { if $0.count < SigningLimits.refusals { $0.append(reason) } }
      return Array("\(reason)\n".utf8)
    }
  }

  /// Reads the name of the hash, a line, and the module, which goes into a file in memory.
  private func receive(from connection: FileDescriptor) throws -> (hash: String, module: FileDescriptor) {
    let deadline = ContinuousClock.now + SigningLimits.time
    var (line, beginning, size): ([UInt8], [UInt8], Int) = ([], [], 0)
    var isAfterLine = false
    let module = try Files.openInMemory()
    do {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        guard wait(for: connection, until: deadline) else { throw Refusal("it did not come in time") }
        let count = try buffer.withUnsafeMutableBytes { try connection.read(into: $0) }
        if count == 0 { break }
        var piece = buffer[..<count]
        if !isAfterLine {
          let end = piece.firstIndex(of: UInt8(ascii: "\n"))
          line += piece[..<(end ?? piece.endIndex)]
          guard line.count <= 16 else { throw Refusal("the name of the hash is too long") }
          guard let end else { continue }
          isAfterLine = true
          piece = piece[(end + 1)...]
        }
        size += piece.count
        guard size <= SigningLimits.size else { throw Refusal("it is larger than \(SigningLimits.size >> 20) MiB") }
        beginning += piece.prefix(max(0, 64 - beginning.count))
        try module.writeAll(piece)
      }
      let hash = String(decoding: line, as: UTF8.self)
      guard ModuleSignature.hashes.contains(hash) else { throw Refusal("the kernel wants another hash than ast knows") }
      guard ModuleSignature.isModule(beginning) else { throw Refusal("it is not a kernel module") }
      return (hash, module)
    } catch {
      try? module.close()
      throw error
    }
  }

  /// Sends an answer, as far as somebody reads it: the buffer of a socket is larger.
  private func send(_ answer: [UInt8], to connection: FileDescriptor) {
    _ = Glibc.send(connection.rawValue, answer, answer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }
}

/// The most that programs in a sandbox can ask for.
private enum SigningLimits {
  /// The modules of one change: several times those of the largest packages, for several kernels.
  static let modules = 1000
  /// The bytes of a module: several times those of the largest.
  static let size = 256 << 20
  /// The time for the bytes of one.
  static let time = Duration.seconds(120)
  /// The reasons that are kept for the user.
  static let refusals = 5
}

/// Why a module is not signed.
private struct Refusal: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}
