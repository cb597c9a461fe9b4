import SystemPackage
import TestSupport
import Testing

/// What programs read about the running system and a restart that is wanted.
@Suite("What runs, for other programs", .requiresRoot)
struct RestartNoticeTests {
  let disk: BootDisk

  init() throws {
    disk = try BootDisk()
    try disk.store.ast("deploy", "1").expectSuccess()
    try disk.markGood(1)
  }

  private static let show =
    "show() { for f in ast/current reboot-required reboot-required.pkgs; do cat /run/$f || :; done 2>/dev/null; }"

  /// A program of GRUB that the tiny root lacks.
  private static let tools =
    "echo '#!/bin/sh' >/run/grub-script-check; chmod +x /run/grub-script-check; export PATH=$PATH:/run"

  /// Each step of a script on the running deployment 1, and what the files say after it.
  private func files(after script: String) throws -> [String] {
    let end = try disk.store.inside(disk.root(of: 1), "\(Self.tools); \(Self.show); \(script)").expectSuccess()
    return end.stdout.split(separator: "--\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test func aDeploymentWaitsUntilItIsTakenBack() throws {
    let seen = try files(
      after: """
        ast -q desc 1 "it's one" >/dev/null; show; echo --
        ast -q deploy 1 >/dev/null; show; echo --
        ast -q rollback >/dev/null; show; echo --
        ast -q rollback --to 2 >/dev/null; show
        """)
    let current = "AST_NODE=1\nAST_DESCRIPTION='it'\\''s one'\nAST_GENERATION=2\nAST_DEPLOYMENT=1\n"
    let quiet = "\(current)AST_WAITING=\nAST_WAITING_NODE=\n"
    let waiting =
      "\(current)AST_WAITING=2\nAST_WAITING_NODE=1\n*** System restart required: deployment 2 (node 1) waits ***\n"
      + "ast-deployment\n"
    #expect(seen == [quiet, waiting, quiet, waiting], "\(seen)")
  }

  @Test func aShellReadsIt() throws {
    let seen = try files(
      after: #"ast -q desc 1 "it's \$(x) one" >/dev/null; . /run/ast/current; echo "$AST_DESCRIPTION""#)
    #expect(seen == ["it's $(x) one\n"])
  }

  /// What other programs have written stays.
  @Test func aPackageWantsARestart() throws {
    let notify =
      "echo '*** System restart required ***' >/run/reboot-required; echo linux-image >>/run/reboot-required.pkgs"
    let deploy = "ast -q deploy 1 >/dev/null"
    let back = "ast -q rollback >/dev/null"
    for script in ["\(notify); \(deploy); \(back)", "\(deploy); \(notify); \(back)"] {
      let seen = try files(after: "\(script); rm /run/ast/current; show")
      #expect(seen == ["*** System restart required ***\nlinux-image\n"], "\(script): \(seen)")
    }
  }

  /// Nothing is written for a store that the machine does not run from.
  @Test func otherStoresAreNotMeant() throws {
    let script = "mount -t tmpfs none /run; \"$@\" >/dev/null; ls -A /run; ls -A /run/ast"
    let end = try run(
      [
        "unshare", "--mount", "sh", "-ec", script, "sh", AstBinary.path.string, "--store", "\(disk.store.root)",
        "deploy", "1",
      ])
    #expect(end.stdout == "ast\noperations\n", "\(end)")
  }

  /// The machine started an older deployment than the default: it is not to restart because of that.
  @Test func whatWasChosenBeforeTheStartDoesNotWait() throws {
    try disk.store.ast("deploy", "1").expectSuccess()
    try runSuccessfully(["sqlite3", disk.store.database.string, "UPDATE operation SET boot_id = 'before'"])
    let seen = try files(after: "ast -q desc 1 x >/dev/null; show")
    #expect(seen.first?.contains("AST_WAITING=\n") ?? false && !seen.joined().contains("***"), "\(seen)")
  }
}
