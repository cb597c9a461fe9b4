import DebianFormats
import Testing

@Suite struct AptMessagesTests {
  @Test(arguments: [
    ("", "it gave no reason"), ("\n\n", "it gave no reason"), ("  broken\n", "broken"), ("one\ntwo", "one; two"),
    ("W: old\nE: first\nreading\n  E: second\n", "first; second"), ("E:none", "E:none"),
    ("said\nE: \n", "it gave no reason"), ("E: \nE: why", "why"),
  ])
  func errorsBecomeOneSentence(said: String, sentence: String) {
    #expect(AptMessages.sentence(said) == sentence)
  }

  @Test(
    arguments: [
      ("", nil), ("Reading package lists...\n", nil),
      ("The following packages have unmet dependencies:\n", nil),
      ("Depends: x\n a\n", nil), ("The following packages have unmet dependencies:\n \n", nil),
      (
        """
        Some packages could not be installed.
        The following packages have unmet dependencies:
         alpha : Depends: beta (>= 2) but 1 is to be installed
                 Recommends: gamma but it is not installable
        E: Unable to correct problems
         no more
        """,
        "alpha : Depends: beta (>= 2) but 1 is to be installed; Recommends: gamma but it is not installable"
      ),
    ] as [(String, String?)])
  func unmetDependenciesAreFound(output: String, unmet: String?) {
    #expect(AptMessages.unmetDependencies(in: output) == unmet)
  }

  @Test(arguments: [
    ("", []), ("The following packages will be REMOVED:\n  tool\n", []),
    ("The following package was automatically installed and is no longer required:\n  a\nUse it.\n  b\n", ["a"]),
    (
      """
      Reading state information...
      The following packages were automatically installed and are no longer required:
        alpha beta
        gamma
      Use 'apt autoremove' to remove them.
      The following packages will be REMOVED:
        tool
      """, ["alpha", "beta", "gamma"]
    ),
  ])
  func packagesThatNothingNeedsAreFound(output: String, unneeded: [String]) {
    #expect(AptMessages.unneeded(in: output) == unneeded)
  }

  @Test(
    arguments: [
      ("", nil), ("E: Unable to satisfy dependencies. Reached two conflicting decisions:\n", nil),
      ("E: Unable to satisfy dependencies.\nE: other\n   1. no\n", nil), ("   1. a\n", nil),
      (
        """
        E: Unable to satisfy dependencies. Reached two conflicting decisions:
           1. other:amd64=1.0 is selected for install because:
              1. other:amd64 is selected for install
              2. other:amd64 is available in version 1.0
           2. other:amd64=1.0 is not selected for install because:
              1. c:amd64=1.1 is selected as an upgrade
              2. c:amd64=1.1 Conflicts other
        W: something else
        """,
        "1. other:amd64=1.0 is selected for install (because other:amd64 is selected for install; other:amd64 is"
          + " available in version 1.0); 2. other:amd64=1.0 is not selected for install (because c:amd64=1.1 is selected"
          + " as an upgrade; c:amd64=1.1 Conflicts other)"
      ),
      (
        """
        E: Unable to correct problems, you have held broken packages.
        E: The following information from --solver 3.0 may provide additional context:
           Unable to satisfy dependencies. Reached two conflicting decisions:
           1. q:amd64=1.1 is selected as an upgrade
           2. q:amd64=1.1 Depends absent
              but none of the choices are installable:
              [no choices]
        """,
        "1. q:amd64=1.1 is selected as an upgrade; 2. q:amd64=1.1 Depends absent (but none of the choices are"
          + " installable: [no choices])"
      ),
    ] as [(String, String?)])
  func conflictOfTheNewSolverIsFound(said: String, conflict: String?) {
    #expect(AptMessages.conflict(in: said) == conflict)
  }

  @Test(arguments: [
    ("Reading package lists...\nW: one\nSetting up x\ndpkg: two\n", "W: one; dpkg: two"),
    ("E: 1\nE: 2\nE: 3\nE: 4\n", "E: 2; E: 3; E: 4"), ("Setting up W: x\n", nil), ("", nil),
  ])
  func errorsAndWarningsAmongOutput(output: String, marked: String?) {
    #expect(AptMessages.marked(in: output) == marked)
  }
}
