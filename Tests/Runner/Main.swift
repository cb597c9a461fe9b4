import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// Runs the tests, for `install/test`.
///
///     test-runner [ROOM...]                       the tests of all rooms, or of these
///     test-runner --long [--again] [ROOM...]      what takes longer, or that of these rooms
///     test-runner --check [--long] [ROOM...]      only looks whether there are such rooms
///
/// The tests are those of the bundle beside this program. Each part of them is a process of its own: two at a time,
/// and those alone that need the machine for themselves (``Schedule``). The exit status is 1 if anything failed, 2 if
/// there is no such room.
@main
enum Main {
  static func main() {
    var words = CommandLine.arguments.dropFirst()
    let options = Set(words.prefix { $0.hasPrefix("--") })
    words = words.drop { $0.hasPrefix("--") }
    do {
      guard options.isSubset(of: ["--long", "--again", "--check"]) else { throw Refusal("no such option") }
      let isLong = options.contains("--long")
      try check(Array(words), isLong ? LongPart.rooms : Schedule.rooms)
      if options.contains("--check") { exit(0) }
      let rooms = words.isEmpty ? nil : Set(words)
      let succeeded =
        isLong
        ? try LongRun(rooms: rooms, isAgain: options.contains("--again")).run() : try ShortRun(rooms: rooms).run()
      exit(succeeded ? 0 : 1)
    } catch let refusal as Refusal {
      say("test-runner: \(refusal.reason)", to: .standardError)
      exit(2)
    } catch {
      say("test-runner: \(error)", to: .standardError)
      exit(1)
    }
  }

  private static func check(_ rooms: [String], _ known: [String]) throws {
    guard let unknown = rooms.first(where: { !known.contains($0) }) else { return }
    throw Refusal("there is no room \(unknown): the rooms are \(known.joined(separator: ", "))")
  }
}

/// Why a command line is refused.
struct Refusal: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Prints a line, which is there at once, whoever reads it.
func say(_ text: String, to stream: FileDescriptor = .standardOutput) {
  // Nobody is left to be told of an error.
  _ = try? stream.writeAll("\(text)\n".utf8)
}
