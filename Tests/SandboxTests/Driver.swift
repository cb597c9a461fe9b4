import Glibc
import SystemPackage
import TestSupport

/// The test program that runs a sandbox as a command does, to send signals to.
enum Driver {
  /// It is built next to the test bundle.
  static let path: String = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    let executable = String(decoding: buffer.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return FilePath(executable).removingLastComponent().appending("sandbox-driver").string
  }()

  /// The driver as session leader on its own terminal, with this program inside.
  static func terminal(_ fixture: Fixture, _ command: [String], options: [String] = []) throws -> PseudoTerminal {
    try PseudoTerminal([path] + options + [fixture.root.string] + command, environment: environment(fixture))
  }

  /// An interactive shell on its own terminal, in which `$D` is the driver with a root.
  static func outerShell(_ fixture: Fixture) throws -> PseudoTerminal {
    let terminal = try PseudoTerminal(["bash", "--norc", "--noprofile", "-i"], environment: environment(fixture))
    try terminal.expect("OUTER> ")
    return terminal
  }

  private static func environment(_ fixture: Fixture) -> [String: String] {
    var environment = plainEnvironment
    environment["PS1"] = "OUTER> "
    environment["TERM"] = "dumb"
    environment["HISTFILE"] = ""
    environment["D"] = "\(path) \(fixture.root)"
    return environment
  }
}

extension PseudoTerminal {
  /// Types a line and waits for a text in the answer.
  @discardableResult
  func type(_ line: String, expecting text: String) throws -> String {
    try send(line + "\n")
    return try expect(text)
  }

  /// Ends the program with the usual key, or stops it.
  func press(_ key: Key) throws { try send(key.rawValue) }

  /// Presses a key until a text shows that it arrived. "fg" prints its line a moment before it hands the terminal over.
  func press(_ key: Key, until text: String) throws {
    for _ in 0..<10 {
      try press(key)
      if (try? expect(text, timeout: 2)) != nil { return }
    }
    try expect(text, timeout: 1)
  }

  enum Key: String {
    case controlC = "\u{3}"
    case controlD = "\u{4}"
    case controlZ = "\u{1A}"
    case controlBackslash = "\u{1C}"
  }
}
