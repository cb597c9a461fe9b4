import FoundationEssentials
import Glibc
import Host
import SnapshotTree
import SystemPackage

/// The files in /run by which Debian's programs know that a restart is wanted (needrestart, update-notifier, kured):
/// `reboot-required`, and `reboot-required.pkgs` with the packages that want it, a line each.
///
/// Other programs write them, too. What they have written stays.
struct RestartNotice {
  /// The line of a deployment among those of packages.
  static let line = "ast-deployment"
  private static let beginning = "*** System restart required: deployment "

  private let required: FilePath
  private let packages: FilePath

  init(in run: FilePath) {
    (required, packages) = (run.appending("reboot-required"), run.appending("reboot-required.pkgs"))
  }

  /// Brings them up to date: a restart is wanted for this deployment, or for none.
  func update(for waiting: Deployment?) throws {
    if let waiting { try give(waiting) } else { try takeBack() }
  }

  private func give(_ waiting: Deployment) throws {
    let (text, present) = (Self.text(for: waiting), try content(of: required))
    // That of another program stays: it wants the same.
    if present != text, present?.hasPrefix(Self.beginning) ?? true { try Files.replace(required, by: text) }
    let lines = try self.lines
    guard !lines.contains(Self.line) else { return }
    try Files.replace(packages, by: (lines + [Self.line]).map { "\($0)\n" }.joined())
  }

  private func takeBack() throws {
    let lines = try self.lines
    if lines.contains(Self.line) {
      let others = lines.filter { $0 != Self.line }
      if others.isEmpty {
        try Files.removeFileIfPresent(packages)
      } else {
        try Files.replace(packages, by: others.map { "\($0)\n" }.joined())
      }
    }
    guard let present = try content(of: required), present.hasPrefix(Self.beginning) else { return }
    let others = try self.lines
    if others.isEmpty { return try Files.removeFileIfPresent(required) }
    // Some program adds a package without a look at the text, which it finds.
    try Files.replace(required, by: "*** System restart required ***\n")
  }

  private static func text(for waiting: Deployment) -> String {
    "\(beginning)\(waiting.id) (node \(waiting.node)) waits ***\n"
  }

  private var lines: [String] {
    get throws { try content(of: packages)?.split(separator: "\n").map(String.init) ?? [] }
  }

  private func content(of path: FilePath) throws -> String? {
    do {
      return try Files.text(of: path)
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }
}
