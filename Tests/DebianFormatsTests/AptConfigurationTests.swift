import DebianFormats
import Testing

@Suite struct AptConfigurationTests {
  @Test(arguments: [
    "APT { NeverAutoRemove { \"^firmware-linux.*\"; }; VersionedKernelPackages { # kernels\n \"linux-.*\"; }; };",
    "DPkg::Pre-Install-Pkgs {\"/usr/sbin/dpkg-preconfigure --apt || true\";};",
    "APT::Periodic::Update-Package-Lists \"1\";", "Acquire::Languages \"none\";",
    "// APT::Update::Post-Invoke { \"x\"; };\n  # Dir::Bin::dpkg \"/x\";",
    "Dir::State::extended_states \"/usr/lib/sysimage/apt/extended_states\";",
    "Dir::Etc::apt-listchanges-main \"apt/listchanges.conf\";",
    "DPkg::Post-Invoke { \"apt-get update; /usr/bin/x\"; };",
  ])
  func settingsThatRunNothing(text: String) {
    let said = AptConfiguration(text, isSettings: true)
    #expect(!said.runsPrograms && !said.acceptsUnsigned)
  }

  @Test(arguments: [
    "APT::Update::Post-Invoke-Success { \"/usr/bin/x\"; };", "APT { Update { Pre-Invoke { \"x\"; } } }",
    "apt::update::post-invoke:: \"x\";", "AptCli::Hooks::Install:: \"/x\";", "Dir::Bin::Methods::http \"/x\";",
    "Acquire::http::Proxy-Auto-Detect \"/x\";", "APT::Compressor::x::Binary \"x\";", "#include \"/etc/other\"",
    "Dir::Etc::sourcelist \"/x\";", "Dir { Etc { Parts \"/x\"; } }", "RootDir \"/x\";", "APT::Solver \"x\";",
  ])
  func settingsThatRunPrograms(text: String) {
    #expect(AptConfiguration(text, isSettings: true).runsPrograms)
  }

  @Test(arguments: [
    ("deb [trusted=yes] http://one.example/ ./", false),
    ("deb [ arch=amd64 Trusted = yes ] http://one.example/ ./", false),
    ("Types: deb\nTrusted: yes\n", false), ("Types: deb\nAllow-Insecure: yes\n", false),
    ("Acquire::AllowInsecureRepositories \"true\";", true), ("APT::Get::AllowUnauthenticated \"true\";", true),
  ])
  func whatNeedsNoSignature(text: String, isSettings: Bool) {
    #expect(AptConfiguration(text, isSettings: isSettings).acceptsUnsigned)
  }

  @Test(arguments: [
    ("deb file:/srv/archive ./", true), ("Types: deb\nURIs: http://one.example/ COPY:/srv/archive\n", true),
    ("deb [trusted=yes] mirror+file:/etc/mirrors ./", true), ("# deb file:/srv/archive ./", false),
    ("#deb file:/srv/archive ./", false), ("deb http://one.example/file trixie main", false),
    ("deb cdrom:[Debian 13]/ trixie main", false),
  ])
  func sourcesOnTheNodesOwnDisk(text: String, isLocal: Bool) {
    #expect(AptConfiguration(text, isSettings: false).hasLocalSources == isLocal)
    #expect(!AptConfiguration(text, isSettings: true).hasLocalSources)
  }

  @Test func whatSourcesName() {
    let text = """
      # deb [trusted=yes signed-by=/x] http://one.example/ ./
      deb [signed-by=/opt/a.gpg,/etc/apt/trusted.gpg.d/b.asc] http://one.example/update trixie main
      deb file:/srv/archive ./
      Signed-By: /opt/c.gpg
      """
    let said = AptConfiguration(text, isSettings: false)
    #expect(!said.runsPrograms && !said.acceptsUnsigned)
    #expect(said.paths == ["/opt/a.gpg", "/etc/apt/trusted.gpg.d/b.asc", "/opt/c.gpg"])
  }

  @Test func proxiesOnTheMachine() {
    let text = """
      Acquire::http::Proxy "http://127.0.0.1:3142/"; Acquire::https::Proxy "DIRECT";
      Acquire { http { Proxy::one.example http://user:word@localhost:8080; }; };
      Acquire::ftp::Proxy "ftp://[::1]:2121";
      // Acquire::http::Proxy "http://localhost:2";
      Acquire::http::Proxy::two.example "http://proxy.example:3128"; Acquire::http::Proxy::x "http://127.0.0.1";
      Acquire::http::Proxy::y "http://127.0.0.1:99999"; Acquire::http::Proxy::z "http://localhost.example:7";
      """
    #expect(AptConfiguration(text, isSettings: true).loopbackPorts == [3142, 8080, 2121])
    #expect(AptConfiguration(text, isSettings: false).loopbackPorts == [])
  }
}
