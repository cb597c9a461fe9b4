import DebianFormats
import Testing

@Suite struct ResolverConfigurationTests {
  @Test(arguments: [
    ("", ""),
    ("nameserver 127.0.0.53\noptions edns0\nsearch .\n", "nameserver FOUR\noptions edns0\nsearch .\n"),
    ("# by hand\n; too\nnameserver\t10.0.0.1\nnameserver 10.0.0.2", "nameserver FOUR\nnameserver 10.0.0.2\n"),
    ("nameserver 10.0.0.1\nnameserver 127.0.0.1\nnameserver ::1\n", "nameserver FOUR\nnameserver SIX\n"),
    ("nameserver fe80::1%eth0\nnameserver fe80::2%eth0\nnameserver fd00::2\n", "nameserver SIX\nnameserver fd00::2\n"),
    ("nameserver\nsearch example.org\n", "search example.org\n"),
  ])
  func firstServersAreElsewhere(text: String, expected: String) {
    #expect(ResolverConfiguration(text).text(ipv4: "FOUR", ipv6: "SIX") == expected)
  }

  /// Each row: the node's own text, what a program left, and what the node's text becomes.
  @Test(arguments: [
    ("", "nameserver IN\n# of the run\n", ""),
    ("nameserver 10.0.0.1", "nameserver IN\n# of the run\noptions edns0\n", "nameserver 10.0.0.1\noptions edns0\n"),
    ("# own\n", "search a\nnameserver IN\n# of the run\n", "search a\n# own\n"),
    ("# own\n", "nameserver 10.0.0.2\n", "nameserver 10.0.0.2\n"),
    // As resolvconf(8) copies it when it is removed, and sed(1) edits it.
    ("# own\n", "nameserver IN\nsearch a\n", "search a\n"),
    ("# own\n", "nameserver\t IN\nnameserver 10.0.0.2\n# of the run\n", "nameserver 10.0.0.2\n# of the run\n"),
    ("# own\n", "#nameserver IN\nnameserver IN2\nnameserver", "#nameserver IN\nnameserver IN2\nnameserver"),
    ("# own\n", "", ""),
  ])
  func whatAProgramMakesOfTheShownTextIsTheNodesOwn(own: String, found: String, expected: String) {
    let shown = "nameserver IN\n# of the run\n"
    #expect(ResolverConfiguration.text(own: own, found: found, shown: shown, inside: ["IN", "SIX"]) == expected)
  }

  @Test(arguments: [
    ("nameserver 10.0.0.1\nsearch a\n", true), ("nameserver 10.0.0.1\nsearch a", true),
    ("nameserver 10.0.0.1\n", false),
    ("nameserver 10.0.0.1\nsearch a\noptions b\n", false), ("", false),
  ])
  func aCopyWithoutCommentsIsKnown(found: String, isCopy: Bool) {
    let shown = "# by hand\nnameserver 10.0.0.1\nsearch a\n# of the run\n"
    #expect(ResolverConfiguration.isCopy(found, ofLinesIn: shown) == isCopy)
    #expect(!ResolverConfiguration.isCopy(found, ofLinesIn: "# nothing\n"))
  }

  @Test(
    arguments: [
      ("Could not connect to 127.0.0.1:3142 (127.0.0.1). - connect (111: Connection refused)", 3142),
      ("x; Failed to fetch http://a/b  Could not connect to localhost:8080 (::1). - connect (111)", 8080),
      ("Could not connect to [::1]:9 (::1)", 9), ("Could not connect to 10.0.0.1:3142 (10.0.0.1)", nil),
      ("Could not connect to", nil),
      ("Unable to connect to 127.0.0.1:35573:; Some index files failed to download", 35573),
      ("Could not connect to 127.0.0.1:", nil), ("", nil),
    ] as [(String, Int?)])
  func portOfAProxyThatWasRefused(said: String, port: Int?) {
    #expect(LoopbackProxy.port(refusedIn: said) == port)
  }
}
