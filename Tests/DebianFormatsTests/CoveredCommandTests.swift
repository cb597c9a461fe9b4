import DebianFormats
import Testing

@Suite("Programs that ast covers on a booted deployment") struct CoveredCommandTests {
  /// A command line, and what becomes of it: a word, or the command that is to be typed for node 2.
  private static let table: [(line: String, answer: String)] = [
    // What only looks, or downloads.
    ("apt", "run"), ("apt --help", "run"), ("apt-get -v", "run"), ("apt list --installed", "run"),
    ("apt search nginx", "indices"), ("apt -qq show nginx", "indices"), ("apt policy", "indices"),
    ("apt-get -qq update", "run"), ("apt-get download hello", "indices"), ("apt-get source -d hello", "run"),
    ("apt-get source hello", "indices"), ("apt-get -d install hello", "run"), ("apt-get clean", "run"),
    ("apt-get --download-only upgrade", "run"), ("apt-get install -y --print-uris hello", "run"),
    ("apt-get -s dist-upgrade", "run"), ("apt-get -yqs remove hello", "run"), ("apt install --dry-run hello", "run"),
    ("apt-get -t bookworm-backports -s install hello", "run"), ("aptitude search '~i'", "indices"),
    ("aptitude why hello", "run"), ("apt-get indextargets", "run"), ("apt history-list", "run"),
    // Another root.
    ("apt-get -o Dir=/mnt install hello", "run"), ("apt-get -oDir::State=/mnt/state install hello", "run"),
    ("apt-get -yo dir::cache=/c install hello", "run"), ("apt --option=RootDir=/mnt install hello", "run"),
    ("apt --option RootDir=/mnt install hello", "run"), ("APT_CONFIG=/tmp/apt.conf apt-get install hello", "run"),
    ("DPKG_ROOT=/mnt dpkg -i a.deb", "run"), ("DPKG_ADMINDIR=/mnt dpkg --configure -a", "run"),
    ("dpkg --root=/mnt -i a.deb", "run"), ("dpkg --instdir /mnt -i a.deb", "run"),
    ("dpkg --admindir=/mnt --configure -a", "run"), ("AST_LIVE=1 apt-get install hello", "run"),
    // What would change packages.
    ("apt install nginx", "ast install 2 nginx"),
    ("apt-get -y install nginx hello=2.10-1", "ast install 2 nginx hello=2.10-1"),
    ("apt-get -o Dpkg::Options::=--force-confold -y install nginx", "ast install 2 nginx"),
    ("apt-get -t trixie-backports install nginx", "ast install 2 nginx"),
    ("apt install -- nginx", "ast install 2 nginx"),
    ("apt reinstall nginx", "ast install 2 nginx"), ("apt install ./a.deb", "ast install 2 ./a.deb"),
    ("apt remove nginx", "ast remove 2 nginx"), ("apt-get remove --purge nginx", "ast remove --purge 2 nginx"),
    ("apt purge ast", "leave"), ("apt-get remove -y nginx ast", "leave"), ("dpkg -P ast", "leave"),
    ("apt purge nginx", "ast remove --purge 2 nginx"), ("apt upgrade", "ast upgrade 2"),
    ("apt-get -q=2 -y dist-upgrade", "ast upgrade 2"), ("apt full-upgrade -y", "ast upgrade 2"),
    ("aptitude safe-upgrade", "ast upgrade 2"), ("aptitude", "ast run 2 aptitude"),
    ("apt autoremove", "ast run 2 apt autoremove"),
    ("apt-get -y build-dep hello", "ast run 2 apt-get -y build-dep hello"),
    ("apt edit-sources", "ast run 2 apt edit-sources"), ("apt history-undo 3", "ast run 2 apt history-undo 3"),
    ("apt-mark hold bash", "ast hold 2 bash"), ("apt-mark unhold -q bash", "ast unhold 2 bash"),
    ("aptitude hold bash", "ast hold 2 bash"), ("apt-mark auto bash", "ast run 2 apt-mark auto bash"),
    ("apt-mark showhold", "run"), ("apt-mark showmanual", "run"), ("apt-mark", "run"),
    // dpkg.
    ("dpkg -l", "run"), ("dpkg --print-architecture", "run"), ("dpkg -L hello", "run"), ("dpkg -s hello", "run"),
    ("dpkg --compare-versions 1 lt 2", "run"), ("dpkg -S /bin/ls", "run"), ("dpkg -x a.deb /tmp/a", "run"),
    ("dpkg -b tree a.deb", "run"), ("dpkg --get-selections", "run"), ("dpkg --audit", "run"), ("dpkg", "run"),
    ("dpkg --verify", "uncovered"), ("dpkg -V hello", "uncovered"), ("dpkg --no-act -i a.deb", "run"),
    ("dpkg -i a.deb", "ast install 2 ./a.deb"), ("dpkg -iE /tmp/a.deb b.deb", "ast install 2 /tmp/a.deb ./b.deb"),
    ("dpkg --unpack a.deb", "ast install 2 ./a.deb"), ("dpkg -r hello", "ast remove 2 hello"),
    ("dpkg -P hello", "ast remove --purge 2 hello"), ("dpkg --purge hello", "ast remove --purge 2 hello"),
    ("dpkg --configure -a", "ast run 2 dpkg --configure -a"),
    ("dpkg --add-architecture i386", "ast run 2 dpkg --add-architecture i386"), ("debsums -c", "uncovered"),
    // The others.
    ("update-initramfs -u", "ast run 2 update-initramfs -u"), ("update-initramfs --help", "run"),
    ("dracut --force", "ast run 2 dracut --force"), ("dracut --list-modules", "run"),
    ("dracut --sysroot=/mnt /mnt/boot/i", "run"), ("update-grub", "deploy"),
    ("grub-install /dev/sda", "live: grub-install /dev/sda"), ("grub-install --version", "run"),
    ("grub-install --root-directory=/mnt /dev/sdb", "run"),
    ("dpkg-reconfigure tzdata", "ast run 2 dpkg-reconfigure tzdata"), ("dpkg-reconfigure --help", "run"),
    ("add-apt-repository ppa:a/b", "ast run 2 add-apt-repository ppa:a/b"), ("add-apt-repository --list", "run"),
    ("DPKG_ROOT=/mnt update-initramfs -u", "run"),
  ]

  @Test(arguments: table.indices) func eachCommandLineHasItsAnswer(row: Int) throws {
    let (line, expected) = Self.table[row]
    var words = line.split(separator: " ").map(String.init)
    var environment: [String: String] = [:]
    while let first = words.first, first.contains("="), !first.hasPrefix("-") {
      let parts = first.split(separator: "=", maxSplits: 1).map(String.init)
      environment[parts[0]] = parts[1]
      words.removeFirst()
    }
    let program = try #require(CoveredProgram(rawValue: words.removeFirst()))
    let answer =
      switch CoveredCommand(program, words, environment: environment) {
      case .run: "run"
      case .runWithIndices: "indices"
      case .runUncovered: "uncovered"
      case .explain(let advice):
        switch advice.command {
        case .onNode(let verb, let words): (["ast"] + verb + ["2"] + words).joined(separator: " ")
        case .live(let words): "live: \(words.joined(separator: " "))"
        case .leave: "leave"
        case nil: "deploy"
        }
      }
    #expect(answer == expected, "\(line)")
  }

  @Test func adviceIsOneSentence() {
    func sentence(_ program: CoveredProgram, _ words: [String]) -> String? {
      guard case .explain(let advice) = CoveredCommand(program, words, environment: [:]) else { return nil }
      return advice.sentence(node: "2") { $0.contains(" ") ? "'\($0)'" : $0 }
    }
    #expect(
      sentence(.apt, ["install", "a b"])
        == "the running system is read-only, and packages are changed in its node: type `ast install 2 'a b'`,"
        + " then `ast deploy 2`")
    #expect(
      sentence(.aptGet, ["purge", "ast"])
        == "the running system is read-only, and ast starts it: LEAVING AST in `man ast-tutorial` says how it is removed"
    )
    #expect(
      sentence(.updateGrub, []) == "the running system is read-only, and ast writes the boot menu: type `ast deploy 2`")
    #expect(
      sentence(.grubInstall, ["/dev/sda"])
        == "the running system is read-only, and all deployments share the boot loader: type `ast live-chroot`, and"
        + " there `grub-install /dev/sda`")
    #expect(
      sentence(.updateInitramfs, ["-u"])
        == "the running system is read-only, and an initrd belongs to its node: type `ast run 2 update-initramfs -u`,"
        + " then `ast deploy 2`")
  }

  @Test(arguments: [
    ("/usr/bin/apt", CoveredProgram.apt), ("/usr/sbin/update-grub", .updateGrub),
    ("/usr/bin/aptitude-curses", .aptitude),
    ("/usr/sbin/ast", nil), ("/usr/sbin/apt", nil), ("/tmp/apt", nil), ("apt", nil), ("", nil),
  ])
  func programsAreKnownByTheirPaths(path: String, program: CoveredProgram?) {
    #expect(CoveredProgram(atPath: path) == program)
  }
}
