import Btrfs
import Glibc
import SystemPackage
import TestSupport

/// Where the benchmarks work: the program as it is shipped, and a store on a btrfs that is on a disk.
struct Playground {
  /// The program: static, stripped.
  let ast: FilePath
  /// Its size in bytes.
  let size: Int64
  /// The program that it is compared with.
  let against: FilePath?
  /// What is measured.
  let options: Options
  /// The root of the file system.
  let disk: FilePath
  /// The store.
  let store: FilePath

  /// Takes the program that `AST_BINARY` names, or else the one beside this one.
  init(_ options: Options) throws {
    self.options = options
    let libraries = try runSuccessfully(["ldd", AstBinary.path.string])
    guard !libraries.contains("libswiftCore") else {
      throw Refusal("\(AstBinary.path) is not static: swift build -c release --static-swift-stdlib --product ast")
    }
    disk = try LoopBtrfs.onDisk(size: 16 << 30).root
    ast = disk.appending("ast")
    try runSuccessfully(["strip", "--strip-all", "-o", ast.string, AstBinary.path.string])
    against = try options.against.map { [disk] in
      let copy = disk.appending("against")
      try runSuccessfully(["cp", $0.string, copy.string])
      return copy
    }
    size = try Int64(runSuccessfully(["stat", "--format=%s", ast.string]).prefix { $0.isNumber }) ?? 0
    store = disk.appending("store")
    guard mkdir(store.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    try runSuccessfully([ast.string, "--store", store.string, "init", "--directory", try TinyRoot.path.string])
  }

  /// Measures a verb of a program.
  func time(_ ast: FilePath, _ arguments: String..., expecting expected: Set<Int32> = [0]) throws -> Sample {
    try time(ast, arguments, expecting: expected)
  }

  /// Measures a verb of a program.
  func time(_ ast: FilePath, _ arguments: [String], expecting expected: Set<Int32> = [0]) throws -> Sample {
    try Stopwatch.time([ast.string] + arguments, environment: environment, expecting: expected)
  }

  /// Runs a verb and returns what it printed.
  @discardableResult
  func run(_ arguments: String...) throws -> String {
    try runSuccessfully([ast.string] + arguments, environment: environment)
  }

  /// The number of the node a verb has just made: the top of a tree that it has copied.
  func make(_ arguments: String...) throws -> String {
    let words = try runSuccessfully([ast.string] + arguments + ["--json"], environment: environment)
    // A tree has the top first.
    let behind = words.contains("\"nodes\":[") ? "\"nodes\":[" : "\"node\":"
    guard let digits = words.split(separator: behind).last?.prefix(while: \.isNumber), !digits.isEmpty else {
      throw Refusal("no node in \(words)")
    }
    return String(digits)
  }

  /// The base's content: what all nodes begin with.
  var base: Subvolume { Subvolume(at: store.appending("nodes/0/1")) }

  /// Where the plain ways put their `turn`-th subvolume.
  func plain(_ name: String, _ turn: Int) -> FilePath { disk.appending("\(name)-\(turn)") }

  /// Has everything written, so that the next one to be timed pays for itself only.
  func settle() throws { try FileSystem.sync(disk) }

  /// The environment of programs that work on the store.
  var environment: [String: String] { plainEnvironment.merging(["AST_STORE": store.string]) { $1 } }
}

/// Why nothing can be measured.
struct Refusal: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
