import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// What commands of the campaign write into nodes, and how it is read without ast.
enum NodeContent {
  /// The script that gives a node a content: several files, so that incomplete work can be seen, and one that is too
  /// long for btrfs to keep inline in metadata.
  static func work(_ number: Int) -> String {
    """
    mkdir -p /content; text=\(number); while [ ${#text} -lt \(minimum) ]; do text=$text-$text; done
    for file in 1 2 3 4 5 6 7 8; do echo \(number) >/content/$file; done; echo $text >/content/large
    echo \(number) >/etc/node; echo \(number) >/etc/both
    """
  }

  private static let minimum = 20_000

  private static func large(_ number: Int) -> String {
    var text = "\(number)"
    while text.utf8.count < minimum { text = "\(text)-\(text)" }
    return text
  }

  /// What a node has with this content: `base` is what it has without.
  static func expected(_ content: ExpectedStore.Content, on base: Listing) -> Listing {
    var listing = base
    if content.work != 0 {
      listing.addDirectory("content")
      for file in (1...8).map({ "content/\($0)" }) + ["etc/node", "etc/both"] {
        listing.addFile(file, "\(content.work)\n")
      }
      listing.addFile("content/large", large(content.work) + "\n")
    }
    if content.settings != 0 {
      listing.addDirectory("etc/ast")
      listing.addFile("etc/ast/node.toml", "#\(content.settings)\n")
    }
    return listing
  }

  /// The content of a node, from a few of its files.
  static func read(in directory: FilePath) -> ExpectedStore.Content {
    let works = ["content/1", "content/8", "etc/node", "etc/both"].map { number(in: directory.appending($0)) ?? 0 }
    return ExpectedStore.Content(
      work: Set(works).count == 1 ? works[0] : -1, settings: number(in: directory.appending("etc/ast/node.toml")) ?? 0,
      isFurnished: access(directory.appending("boot/vmlinuz-\(BootDisk.version)").string, F_OK) == 0)
  }

  /// The content of a deployment, whose /etc is its own.
  static func readWithoutEtc(in directory: FilePath) -> Int {
    let works = ["content/1", "content/8"].map { number(in: directory.appending($0)) ?? 0 }
    return works[0] == works[1] ? works[0] : -1
  }

  /// The numbers in the files of an /etc, or in those beside them that have this suffix.
  static func etc(in directory: FilePath, suffix: String = "") -> Etc {
    var etc = Etc()
    for file in Etc.files { etc.numbers[file] = number(in: directory.appending(file + suffix)) }
    return etc
  }

  /// The number in a file, possibly in a comment; nil if there is no file, -1 for any other content.
  private static func number(in path: FilePath) -> Int? {
    guard access(path.string, F_OK) == 0 else { return nil }
    return (try? String(contentsOfFile: path.string, encoding: .utf8)).flatMap { Int($0.drop { $0 == "#" }.dropLast()) }
      ?? -1
  }
}

/// Everything below a directory: names, kinds, modes, owners, link targets and contents, but not times.
struct Listing: Equatable {
  private(set) var entries: [String: String] = [:]

  /// Lists a directory, without some of the names in it.
  init(of root: FilePath, without omitted: Set<String> = []) throws {
    try add(root, below: "", without: omitted)
    guard !entries.isEmpty else { throw Errno.noSuchFileOrDirectory }
  }

  mutating func addDirectory(_ path: String) { entries[path] = "40755 0 0" }

  mutating func addFile(_ path: String, _ text: String) {
    entries[path] = "100644 0 0 \(Self.digest(of: Data(text.utf8)))"
  }

  /// Where two listings differ.
  func differences(from other: Listing) -> [String] {
    Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }.sorted().map {
      "\($0) is \(entries[$0] ?? "missing"), not \(other.entries[$0] ?? "missing")"
    }
  }

  private mutating func add(_ directory: FilePath, below prefix: String, without omitted: Set<String> = []) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.string)
    where !omitted.contains(name) {
      let path = directory.appending(name)
      var status = stat()
      guard lstat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
      var entry = "\(String(status.st_mode, radix: 8)) \(status.st_uid) \(status.st_gid)"
      switch status.st_mode & S_IFMT {
      case S_IFREG: entry += " \(Self.digest(of: try Data(contentsOf: URL(filePath: path.string))))"
      case S_IFLNK: entry += " \(try FileManager.default.destinationOfSymbolicLink(atPath: path.string))"
      case S_IFDIR: try add(path, below: "\(prefix)\(name)/")
      default: break
      }
      entries["\(prefix)\(name)"] = entry
    }
  }

  /// The length and a hash, which is another one in each process.
  private static func digest(of data: Data) -> String {
    var hasher = Hasher()
    data.withUnsafeBytes { hasher.combine(bytes: $0) }
    return "\(data.count) \(hasher.finalize())"
  }
}
