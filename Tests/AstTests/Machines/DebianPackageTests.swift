import Foundation
import SystemPackage
import TestSupport
import Testing

/// The Debian package from `install/package`, on the supported releases; `AST_PACKAGE` names it.
@Suite(
  "Debian package", .requiresRoot, .serialized,
  .enabled("AST_PACKAGE does not name the package, or the archive of Debian cannot be reached") {
    package != nil && RealArchive.isReachable
  })
struct DebianPackageTests {
  /// The content of a system, except files that change by themselves, and the backups that useradd(8) makes.
  private static let list =
    "find /etc /opt /usr /srv /home -path /usr/lib/sysimage -prune -o ! -path '/etc/*-' -print | sort"

  /// The names of the manual pages.
  private static let pages = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: Checkout.manual.string)) ?? []
    return names.map { $0.split(separator: ".").dropLast().joined(separator: ".") }.sorted()
  }()

  @Test(arguments: RealArchive.releases)
  func itComesWithWhatItNeedsAndLeavesNothing(release: String) throws {
    let node = try RealArchive.node(release)
    let file = try Data(contentsOf: URL(filePath: try #require(package)))
    let script = """
      exec 3>&1 >/tmp/log 2>&1
      trap '[ $? = 0 ] || cat /tmp/log >&3' EXIT
      export DEBIAN_FRONTEND=noninteractive
      base64 --decode >/tmp/ast.deb
      apt-get update
      apt-get install --yes --no-install-recommends man-db zsh fish
      \(Self.list) >/tmp/before
      apt-get install --yes --no-install-recommends /tmp/ast.deb
      ast version >&3
      for page in \(Self.pages.joined(separator: " ")); do man --warnings=w $page | head -n 1 >&3; done
      bash -n /usr/share/bash-completion/completions/ast
      zsh -n /usr/share/zsh/vendor-completions/_ast
      fish --no-execute /usr/share/fish/vendor_completions.d/ast.fish
      dpkg --verify ast >&3
      apt-get purge --yes --auto-remove ast
      \(Self.list) | diff /tmp/before - >&3
      """
    let result = try node.store.ast(
      ["-q", "run", "\(node.id)", "sh", "-ec", script], input: file.base64EncodedString())
    // What failed is on its standard output.
    try #require(result.status == 0, "\(result.stdout.suffix(2000)) \(result.stderr)")
    let said = result.stdout.split(separator: "\n").map(String.init)
    #expect(said.first?.hasPrefix("ast ") == true)
    let headings = Self.pages.map { $0.uppercased() }
    #expect(said.dropFirst().map { $0.prefix { $0 != "(" } } == headings.map { $0[...] }, "\(said)")
  }
}

private let package = ProcessInfo.processInfo.environment["AST_PACKAGE"]
