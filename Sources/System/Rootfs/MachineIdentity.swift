import FileTrees
import Glibc
import Host
import Sandbox
import SystemPackage

/// The identity of the machine, in a deployment that is being made.
package enum MachineIdentity {
  private static let file: OpenDirectory.Name = "machine-id"

  /// Makes sure that /etc/machine-id is a valid one: the root is read-only when systemd looks at it, and a machine
  /// without one would have a new identity after each boot (machine-id(5)). A valid one stays.
  ///
  /// - Parameter name: the name of /etc in `staged`.
  package static func complete(in staged: FilePath, as name: FilePath.Component = "etc") throws {
    guard let etc = try OpenDirectory(staged).directory(name) else {
      throw AstError(.refused, "\(staged.appending(name)) is not a directory")
    }
    if let content = try? etc.contents(of: file, limit: 64), isValid(content) { return }
    if let status = try etc.status(of: file), status.st_mode & S_IFMT == S_IFDIR { try etc.remove(file) }
    try etc.replace(file, FileAttributes(mode: 0o444)) { try etc.makeFile($0, with: Array("\(random())\n".utf8)) }
  }

  /// The machine id in a root; nil if there is no valid one.
  package static func current(in root: RootDirectory) throws -> String? {
    guard let content = try root.contents(of: "/etc/machine-id").map(Array.init), isValid(content) else { return nil }
    return String(decoding: content.prefix(32), as: UTF8.self)
  }

  /// 32 lower-case hexadecimal digits and a newline, and not all zero.
  static func isValid(_ content: [UInt8]) -> Bool {
    let digits = content.last == UInt8(ascii: "\n") ? content.dropLast() : content[...]
    let isHexadecimal = digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    return digits.count == 32 && isHexadecimal && digits.contains { $0 != 0x30 }
  }

  /// A random UUID of version 4 without its dashes, as systemd makes one (sd_id128_randomize(3)).
  private static func random() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
