import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The programs with which the apt of a root fetches, verifies and reads indices and makes plans: apt, what checks
/// signatures, dpkg, perl and shells, their libraries, and what decides which libraries they get.
///
/// Two roots with the same ones get the same from the same files. So whatever such a program might load must be among
/// them: what only one of the roots has, and its programs would load, makes them different.
package struct AptPrograms {
  /// A line for each file, with its path, its real path and its checksum, and for each answer of the loader's cache.
  package let text: String

  /// Reads the programs of the root at `path`, which must not change meanwhile.
  ///
  /// - Returns: nil if it cannot be said which they are: they are implausibly large, or something else is in their place.
  /// - Throws: `FileError`; `AstError` if `sha256sum` fails.
  package init?(in path: FilePath) throws {
    var search = try Search(RootDirectory(path))
    guard try search.run() else { return nil }
    let real = Set(search.found.values).sorted { $0.string < $1.string }
    let sums = try Self.checksums(of: real)
    guard sums.count == real.count else { return nil }
    let checksums = Dictionary(uniqueKeysWithValues: zip(real, sums))
    let files = search.found.sorted { $0.key < $1.key }.map { name, file in
      "\(name) \(file.string.dropFirst(path.string.utf8.count)) \(checksums[file] ?? "")\n"
    }
    text = (files + search.answers).joined()
  }

  private static func checksums(of files: [FilePath]) throws -> [Substring] {
    try ChildProcess("sha256sum", ["--binary", "--"] + files.map(\.string)).output().split(separator: "\n")
      // A line begins with a backslash if there is one in the name.
      .map { $0.drop { $0 == "\\" }.prefix(64) }
  }
}

/// The search for the files.
private struct Search {
  private let root: RootDirectory
  private let libraryDirectories: [String]
  private let cache: [String: [LoaderCache.Entry]]
  /// The real paths of the files, in the view of the host, by their paths in the root.
  private(set) var found: [String: FilePath] = [:]
  /// What the loader's cache says about the libraries, a line for each answer.
  private(set) var answers: [String] = []
  private var known: Set<String> = []
  private var unread: [String] = []
  private var bytes: Int64 = 0

  init(_ root: RootDirectory) throws {
    self.root = root
    let data = try root.beginning(of: Self.cacheFile, count: Self.largestCache)
    guard let cache = data.map(LoaderCache.init) ?? .empty else {
      throw FileError("understand", root.path.pushing(Self.cacheFile), .invalidArgument)
    }
    self.cache = Dictionary(grouping: cache.entries, by: \.name)
    let tops = ["/lib", "/usr/lib", "/lib32", "/usr/lib32", "/lib64", "/usr/lib64"]
    let multiarch = try tops.flatMap { top in
      try root.entries(of: FilePath(top)).filter { $0.isDirectory && $0.name.contains("-linux-") }.map {
        "\(top)/\($0.name)"
      }
    }
    libraryDirectories = try (tops + multiarch).flatMap { directory in
      let processors = "\(directory)/glibc-hwcaps"
      return [directory] + (try root.entries(of: FilePath(processors)).map { "\(processors)/\($0.name)" })
    }
  }

  /// - Returns: false if there is too much.
  mutating func run() throws -> Bool {
    let modules = libraryDirectories.filter { $0.hasPrefix("/usr") }.flatMap { top in
      Self.modules.map { "\(top)/\($0)" }
    }
    for directory in Self.directories + modules {
      // perl's tables of characters are many files, and data.
      for file in try root.files(below: FilePath(directory)) where file.extension != "pl" { try add(file.string) }
    }
    var names = Self.names
    if try root.size(of: "/usr/bin/apt-key") != nil { names += Self.toolsOfAptKey }
    for name in names {
      // The first one on the way is the one that runs.
      _ = try Self.searchPath.first { try add("\($0)/\(name)") }
    }
    for file in Self.files { try add(file) }
    // Name services are loaded by name, as /etc/nsswitch.conf says.
    for directory in libraryDirectories {
      for entry in try root.entries(of: FilePath(directory)) where entry.name.hasPrefix("libnss_") {
        try add("\(directory)/\(entry.name)")
      }
    }
    while let file = unread.popLast(), bytes <= Self.largest, found.count <= Self.most {
      guard let data = try root.contents(of: FilePath(file)), let linked = LinkedLibraries(data) else { continue }
      for name in linked.names { try add(library: name, besides: linked.directories) }
    }
    answers.sort()
    return bytes <= Self.largest && found.count <= Self.most
  }

  private mutating func add(library name: String, besides directories: [String]) throws {
    if name.hasPrefix("/") { try add(name) }
    guard !name.contains("/") else { return }
    let own = directories.flatMap { $0.split(separator: ":") }.filter { $0.hasPrefix("/") }.map(String.init)
    for directory in own { try add("\(directory)/\(name)") }
    guard known.insert(name).inserted else { return }
    let cached = cache[name] ?? []
    // The loader looks there only for what the cache does not have.
    if cached.isEmpty { for directory in libraryDirectories { try add("\(directory)/\(name)") } }
    for (place, entry) in cached.enumerated() {
      try add(entry.path)
      answers.append("\(name) \(place) \(entry.condition.map(String.init).joined(separator: " ")) \(entry.path)\n")
    }
  }

  /// - Returns: whether there is such a file.
  @discardableResult
  private mutating func add(_ file: String) throws -> Bool {
    guard found[file] == nil else { return true }
    guard let opened = try root.openFollowing(FilePath(file)) else { return false }
    try opened.closeAfter {
      var status = stat()
      guard fstat(opened.rawValue, &status) == 0 else {
        throw FileError("examine", root.path.pushing(FilePath(file)), Errno(rawValue: errno))
      }
      bytes += min(Int64(status.st_size), Self.largest + 1)
      found[file] = FilePath(
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(opened.rawValue)"))
    }
    unread.append(file)
    return true
  }

  /// Several times what Debian's have: together, and of the cache, in bytes; and in number.
  private static let largest: Int64 = 256 << 20
  private static let cacheFile: FilePath = "/etc/ld.so.cache"
  private static let largestCache = 16 << 20
  private static let most = 4096

  private static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
  /// apt and what it starts for lists and plans, or ast does.
  private static let names = [
    "apt-get", "apt-cache", "apt-config", "apt-key", "dpkg", "dpkg-deb", "gpgv", "gpgv1", "gpgv2", "gpgv-sq", "gpg",
    "gpgconf", "gpg-agent", "sqv", "perl", "sh", "bash", "chown", "chmod", "cat",
  ]
  /// The programs that apt-key(8) runs, by which Debian 12 checks signatures.
  private static let toolsOfAptKey = [
    "[", "awk", "basename", "cmp", "comm", "cp", "cut", "date", "dirname", "echo", "env", "expr", "false", "find",
    "grep", "head", "id", "ln", "ls", "mkdir", "mktemp", "mv", "printf", "readlink", "rm", "sed", "sleep", "sort",
    "stat", "tail", "tee", "test", "touch", "tr", "true", "uniq", "wc", "xargs",
  ]
  /// Directories with programs and what they obey.
  private static let directories = [
    "/usr/lib/apt", "/usr/share/apt", "/usr/lib/dpkg", "/etc/dpkg", "/etc/crypto-policies", "/var/lib/crypto-config",
    "/etc/gnutls", "/etc/gcrypt", "/etc/pkcs11", "/usr/share/p11-kit",
  ]
  /// The same, below a directory of libraries: what is loaded by name, and perl's modules that are always there.
  private static let modules = ["ossl-modules", "engines-3", "engines-1.1", "pkcs11", "perl-base"]
  private static let files = [
    "/bin/sh", "/bin/bash", "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl/openssl.cnf",
  ]
}
