import FoundationEssentials
import FuzzEntries
import Glibc
import SystemPackage

// The fuzzer: libFuzzer, whose `main` calls these functions.
//
//     fuzz NAME DIRECTORY [OPTION...]     writes the texts of the entry into the directory, and fuzzes
//     fuzz NAME FILE...                   runs the entry with the content of these files
//
// Tests/Fuzz/run builds it and has the options.

/// The entry that the first word names, which is taken off the command line. Set once, before the first input.
private nonisolated(unsafe) var entry: FuzzEntry?

/// Takes the name of the entry off the command line, and fills the directory. libFuzzer calls it first.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  guard let list = words.pointee, count.pointee > 1, let word = list[1], case let name = String(cString: word),
    let found = FuzzEntry.all.first(where: { $0.name == name })
  else {
    print(FuzzEntry.all.map(\.name).joined(separator: "\n"))
    exit(count.pointee > 1 ? 2 : 0)
  }
  entry = found
  list[1] = list[0]
  words.pointee = list + 1
  count.pointee -= 1
  guard count.pointee > 1, let place = list[2].map({ FilePath(platformString: $0) }), isDirectory(place) else {
    return 0
  }
  do {
    for (number, input) in try Corpus.inputs(of: found).enumerated() {
      try Data(input).write(to: URL(filePath: place.appending("seed-\(number)").string))
    }
  } catch {
    print("fuzz: \(error)")
    exit(2)
  }
  return 0
}

/// Parses one input. libFuzzer calls it with each.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  do {
    try entry?.parse(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
  } catch {
    // libFuzzer notes an input that ends the process, and nothing that is still to be printed comes out.
    _ = try? FileDescriptor.standardError.writeAll("fuzz: \(error)\n".utf8)
    abort()
  }
}

private func isDirectory(_ path: FilePath) -> Bool {
  var status = stat()
  return stat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
