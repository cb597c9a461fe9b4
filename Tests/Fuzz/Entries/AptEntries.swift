import DebianFormats
import Host

extension FuzzEntry {
  private static let hello =
    #"{"jsonrpc":"2.0","method":"org.debian.apt.hooks.hello","id":0,"params":{"versions":["0.1","0.2"]}}"#
  private static let prompt = """
    {"jsonrpc":"2.0","method":"org.debian.apt.hooks.install.pre-prompt","params":{"command":"install",\
    "search-terms":["nginx"],"unknown-packages":["ngnix"],"packages":[{"id":7,"name":"nginx","architecture":"amd64",\
    "mode":"upgrade","automatic":false,"versions":{"candidate":{"id":1,"version":"1.26.3-3"},\
    "install":{"id":1,"version":"1.26.3-3"},"current":{"id":2,"version":"1.26.2-1"}}}]}}
    """
  private static let messages = """
    Reading package lists...
    The following packages have unmet dependencies:
     nginx : Depends: libc6 (>= 2.99) but 2.41-12 is to be installed
    E: Unable to correct problems, you have held broken packages.
    W: Failed to fetch http://deb/  Could not connect to 127.0.0.1:3142 (127.0.0.1). - connect (111: refused)
    E: Unable to connect to [::1]:3142:
    E: Unable to satisfy dependencies. Reached two conflicting decisions:
       1. nginx:amd64=1.26.3-3 is selected for install because:
          1. nginx:amd64 is selected for install
       2. nginx:amd64=1.26.3-3 Depends libc6 (>= 2.99)
          but none of the choices are installable:
          [no choices]
    """

  static let aptEntries: [FuzzEntry] = [
    FuzzEntry(
      "apt-hook", of: ["Formats/DebianFormats/AptHook.swift"], seeds: ["\(hello)\n\n\(prompt)\n\n"]
    ) { input in
      // That it is not JSON is an error of its own.
      guard let decision = try? AptHook.decision(in: text(input)) else { return }
      try require(decision.steps.map(\.name) == decision.steps.map(\.name).sorted(), "the steps are not sorted")
    },
    FuzzEntry(
      "apt-messages",
      of: [
        "Formats/DebianFormats/AptMessages.swift", "Formats/DebianFormats/LoopbackProxy.swift",
        "System/Host/Processes/ProgramOutput.swift",
      ], seeds: [messages]
    ) { input in
      let said = text(input)
      try require(!AptMessages.sentence(said).isEmpty, "there is no sentence")
      try require(AptMessages.unmetDependencies(in: said)?.isEmpty != true, "there is an empty dependency")
      try require(AptMessages.conflict(in: said)?.isEmpty != true, "there is an empty conflict")
      _ = LoopbackProxy.port(refusedIn: said)
      var (lines, ends, start) = (LineBuffer(), OutputEnds(), OutputStart(limit: 100))
      for piece in parts(input, 1) {
        for line in lines.lines(adding: piece) { try require(!line.utf8.contains(10), "a line has a newline") }
        ends.add(piece)
        start.add(piece)
      }
      _ = (ends.text, start.text)
    },
    FuzzEntry(
      "package-origins",
      of: ["Formats/DebianFormats/PackageOrigin.swift", "Formats/DebianFormats/UnattendedUpgrades.swift"],
      seeds: [
        "/lists/a_Packages\tDebian\tDebian-Security\tstable-security\ttrixie-security\n",
        """
        APT::Periodic::Unattended-Upgrade "1";
        Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";
        Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename}-security";

        """,
      ]
    ) { input in
      let lists = PackageOrigin.lists(in: text(input))
      try require(lists.allSatisfy { !$0.file.isEmpty }, "a list has no file")
      let settings = UnattendedUpgrades(text(input))
      try require(!settings.isSecurityOnly || !settings.patterns.isEmpty, "nothing is security only")
    },
    FuzzEntry(
      "apt-sources",
      of: ["Formats/DebianFormats/AptSource.swift", "Formats/DebianFormats/DebianMirror.swift"],
      seeds: [
        "Types: deb deb-src\nURIs: http://deb.example/debian\nSuites: trixie trixie-security\nComponents: main\n",
        "deb [arch=amd64 signed-by=/a] http://deb.example/debian/ trixie main # x\ndeb-src http://b c d\n",
      ], files: ["etc/apt/sources.list"]
    ) { input in
      let sources = AptSource.deb822(text(input)) + AptSource.oneLine(text(input))
      guard let mirror = DebianMirror(sources: sources) else { return }
      try require(!mirror.sourcesList(suite: "trixie").joined().contains("\n"), "a line has a newline")
    },
    FuzzEntry(
      "apt-status", of: ["Formats/DebianFormats/AptStatus.swift"],
      seeds: [
        "dlstatus:1:12.5:Retrieving file 1 of 3\npmstatus:libc6:amd64:40.0000:Unpacking libc6:amd64\n"
          + "pmerror:/var/cache/a.deb:nan:trying to overwrite: 'a'\npmstatus:dpkg-exec:1e400:Running dpkg"
      ]
    ) { input in
      for line in text(input).split(separator: "\n") {
        switch AptStatus(String(line)) {
        case .fetching(let percent, _), .working(_, let percent, _):
          try require((0...100).contains(percent), "\(percent) %")
        case .failed, nil: continue
        }
      }
    },
    FuzzEntry(
      "package-downloads", of: ["Formats/DebianFormats/PackageDownload.swift"],
      seeds: [
        "'http://deb.example/pool/n/nginx_1.26.3%2bdfsg_amd64.deb' nginx_1.26.3+dfsg_amd64.deb 607844 SHA256:00ff\n"
          + "'file:/srv/a%20b.deb' a.deb 1099511627776 MD5Sum:0\n"
      ]
    ) { input in
      let files = PackageDownload.printed(in: text(input))
      try require(files.reduce(0) { $0 + $1.size } >= 0, "the sum of the sizes is negative")
      for file in files {
        try require(!file.key.contains("/") && !file.fileName.contains("/"), "\(file) is not one name")
        _ = (file.path, file.isInPlace)
      }
    },
    FuzzEntry(
      "resolver", of: ["Formats/DebianFormats/ResolverConfiguration.swift"],
      seeds: ["# a\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\nsearch a b\noptions edns0\n"]
    ) { input in
      let written = ResolverConfiguration(text(input)).text(ipv4: "192.0.2.2", ipv6: "2001:db8::2")
      let servers = ResolverConfiguration(written).servers
      try require(!servers.contains { $0.hasPrefix("127.") || $0.contains("%") }, "\(servers)")
    },
  ]
}
