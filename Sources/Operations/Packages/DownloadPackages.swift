import Btrfs
import DebianFormats
import FoundationEssentials
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

extension AptSession {
  /// Makes sure that the cache has the files of a plan, and shows them to the session's apt. It resumes what an
  /// interrupted command has begun.
  ///
  /// Files that another command fetches are waited for, but not for long, because a mirror can be slow, and a node's apt
  /// need not end: then this one fetches them, too.
  package func download(_ plan: PackagePlan, in root: FilePath, progress: (PackageProgress) -> Void) throws {
    let wanted = plan.downloads.filter { !localFiles.contains($0.path) }
    if let odd = wanted.first(where: { $0.checksumProgram == nil }) {
      throw AstError(
        .failed, "the index has neither a SHA256 nor a SHA512 checksum for \(odd.fileName)", state: .unchanged)
    }
    let remote = wanted.filter { !$0.isInPlace }
    try fetch(remote, in: root, progress: progress)
    for download in remote {
      // The time tells which files are in use.
      utimensat(AT_FDCWD, cache.file(of: download).string, nil, 0)
      let name = archive(of: download)
      guard symlink("\(Self.packages)/\(download.key)", name.string) == 0 || errno == EEXIST else {
        throw FileError("make the link", name, Errno(rawValue: errno))
      }
    }
    try take(wanted.filter(\.isInPlace), in: root)
  }

  /// The file that apt is shown, under the name that apt itself gives it: it reads a colon or an escape in others as its
  /// own.
  private func archive(of download: PackageDownload) -> FilePath {
    workspace.given.appending("archives/\(download.fileName)")
  }

  /// Copies files of sources that are directories in the node out of its reach, and checks them.
  private func take(_ files: [PackageDownload], in root: FilePath) throws {
    // sha256sum(1) reads a backslash in a name in its own way.
    let copies = files.enumerated().map { (download: $1, copy: workspace.given.appending("archives/\($0).new")) }
    for (download, copy) in copies {
      guard let file = try RootDirectory(root).openFile(FilePath(download.path), followingLinks: true) else {
        throw AstError(.failed, "\(download.path), which a source of node \(node) names, is missing", state: .unchanged)
      }
      unlink(copy.string)
      try file.descriptor.closeAfter { try cloneFile(file.descriptor, to: copy) }
      try Files.setMode(copy, 0o644)
    }
    do {
      try check(copies)
    } catch let error as AstError where error.code == .failed {
      throw AstError(
        .failed, "files of a source in node \(node) do not match the checksums in its index", state: .unchanged,
        hint: "the program that made the source's index has to be run again")
    }
    for (download, copy) in copies { try Files.rename(copy, to: archive(of: download)) }
  }

  /// Compares files with the checksums in the index.
  private func check(_ files: [(download: PackageDownload, copy: FilePath)]) throws {
    let list = workspace.path.appending("checksums")
    for (program, files) in Dictionary(grouping: files, by: { $0.download.checksumProgram ?? "" }) {
      let sums = files.map { "\($0.download.checksum)  \($0.copy)\n" }.joined()
      try Files.write(sums.utf8, to: list)
      try ChildProcess(program, ["--check", "--strict", "--quiet", "--", list.string]).run()
    }
  }

  /// Fetches those of the files that the cache does not have: first what no other command fetches.
  private func fetch(_ files: [PackageDownload], in root: FilePath, progress: (PackageProgress) -> Void) throws {
    let missing = files.filter { !cache.has($0) }
    guard !missing.isEmpty else { return }
    var claims = try missing.map { (download: $0, lock: try claim($0, .zero)) }
    defer { for claim in claims { claim.lock?.removeFile() } }
    let own = claims.filter { $0.lock != nil && !cache.has($0.download) }.map(\.download)
    if !own.isEmpty { try fetching { try fetchNow(own, in: root, network: $0, progress: progress) } }
    for claim in claims { claim.lock?.removeFile() }
    claims = claims.filter { $0.lock == nil }
    let deadline = ContinuousClock.now + Self.patience
    for index in claims.indices {
      claims[index].lock = try claim(claims[index].download, max(.zero, deadline - .now))
    }
    let rest = claims.map(\.download).filter { !cache.has($0) }
    if !rest.isEmpty { try fetching { try fetchNow(rest, in: root, network: $0, progress: progress) } }
  }

  /// Takes the lock that says that this command fetches a file; nil if another one does.
  private func claim(_ download: PackageDownload, _ limit: Duration) throws -> Lock? {
    return try store.lockBriefly(
      download.key, in: cache.claims, limit, "\(download.fileName), which another command fetches")
  }

  private func fetchNow(
    _ missing: [PackageDownload], in root: FilePath, network: Sandbox.Network, progress: (PackageProgress) -> Void
  ) throws {
    let partial = try cache.partial(of: node)
    // A program of this node may have made a file that cannot be written, or a link.
    for download in missing { try removeUnlessRegular(partial.appending(download.key)) }
    let total = missing.reduce(0) { $0 + $1.size }
    progress(.downloading(done: 0, total: total))
    var sandbox = try sandbox(root, network: network)
    sandbox.binds.append(Sandbox.Bind(partial, at: FilePath(Self.partial), isReadOnly: false))
    // apt's methods may write only to this directory (APT::Sandbox::User in apt.conf(5)). A mirror that is a directory of
    // the node gives links, which lead nowhere outside.
    let script = """
      chown _apt \(Self.partial) 2>/dev/null && chmod 700 \(Self.partial)
      "$@" || exit
      for file in \(Self.partial)/sha*; do
        test ! -L "$file" || cp --remove-destination "$(readlink -f "$file")" "$file" || exit
      done
      """
    let command =
      ["sh", "-c", script, "sh", "/usr/lib/apt/apt-helper", "-qq", "-o", "APT::Status-Fd=1", "download-file"]
      + missing.flatMap { [$0.uri, "\(Self.partial)/\($0.key)", $0.hash] }
    var said = OutputEnds()
    let end = try sandbox.run(
      command,
      output: { _ in
        progress(.downloading(done: missing.reduce(0) { $0 + fetched(of: $1, in: partial) }, total: total))
      }, error: { said.add($0) })
    guard end == .exited(0) else {
      // apt puts files with a wrong checksum aside.
      for download in missing { unlink("\(partial.appending(download.key)).FAILED") }
      let reason = AptMessages.sentence(said.text)
      throw try failure(
        "the packages for node \(node) cannot be fetched: \(reason)", state: .unchanged,
        hint: "the next try resumes what was fetched so far; `ast refresh \(node)` fetches the indices again")
    }
    try accept(missing, from: partial)
  }

  private func removeUnlessRegular(_ file: FilePath) throws {
    var status = stat()
    guard lstat(file.string, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
    try FileManager.default.removeItem(atPath: file.string)
  }

  /// Gives all nodes the fetched files, named for their checksums. The apt of one node has fetched them, so they are
  /// copied out of its reach before they are checked.
  private func accept(_ fetched: [PackageDownload], from partial: FilePath) throws {
    let copies = fetched.map { (download: $0, copy: FilePath("\(cache.file(of: $0)).\(node).new")) }
    defer { for copy in copies { unlink(copy.copy.string) } }
    for (download, copy) in copies {
      unlink(copy.string)
      guard let file = try RootDirectory(partial).openFile(FilePath(download.key)) else {
        throw AstError(.failed, "\(download.fileName) was not fetched for node \(node)", state: .unchanged)
      }
      try file.descriptor.closeAfter { try cloneFile(file.descriptor, to: copy) }
      try Files.setMode(copy, 0o644)
    }
    defer { for download in fetched { unlink(partial.appending(download.key).string) } }
    do {
      try check(copies)
    } catch let error as AstError where error.code == .failed {
      throw AstError(
        .failed, "the files fetched for node \(node) do not match the checksums in the index", state: .unchanged)
    }
    // A file that is named for its checksum is complete, even after a power cut.
    try FileSystem.sync(cache.path)
    for (download, copy) in copies {
      try Files.rename(copy, to: cache.file(of: download))
    }
  }

  /// How many bytes of a file are there. A program of the node can make the file, or a link in its place, of any size.
  private func fetched(of download: PackageDownload, in partial: FilePath) -> Int64 {
    var status = stat()
    return lstat(partial.appending(download.key).string, &status) == 0
      ? min(Int64(status.st_size), download.size) : 0
  }

  /// The directory of unfinished files in the sandbox.
  private static let partial = "/run/ast/partial"
}
