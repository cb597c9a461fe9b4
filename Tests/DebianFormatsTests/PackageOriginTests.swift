import DebianFormats
import Testing

@Suite struct PackageOriginTests {
  @Test(arguments: [
    ("Debian|Debian-Security|stable-security|trixie-security", true),
    ("Debian|Debian-Security|oldstable|trixie", true),
    ("Debian|Debian|stable|trixie", false), ("Debian|Debian|stable-updates|trixie-updates", false),
    ("Debian|Debian Backports|stable-backports|trixie-backports", false),
    ("Debian|Debian-Security|testing-security|forky-security", false),
    ("Docker|Docker|trixie-security|trixie-security", false), ("|||", false),
    ("Ubuntu|Ubuntu|trixie-security|trixie", true), ("Ubuntu|Ubuntu|trixie-updates|trixie", false),
    ("UbuntuESM|UbuntuESM|trixie-infra-security|trixie", true),
    ("UbuntuESMApps|UbuntuESMApps|trixie-apps-security|trixie", true),
    ("UbuntuESMApps|UbuntuESMApps|trixie-infra-security|trixie", false),
  ])
  func securityOfARelease(fields: String, isSecurity: Bool) {
    let fields = fields.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    let origin = PackageOrigin(origin: fields[0], label: fields[1], suite: fields[2], codename: fields[3])
    #expect(origin.isSecurity(of: "trixie") == isSecurity)
  }

  @Test func listsAreRead() {
    let lists = PackageOrigin.lists(
      in: "/l/a_Packages\tDebian\tD S\tstable\ttrixie\n\n/l/b\tx\n\ta\tb\tc\td\n/l/c\t\t\t\t\n")
    #expect(lists.map(\.file) == ["/l/a_Packages", "/l/c"])
    #expect(
      lists.map(\.origin) == [
        PackageOrigin(origin: "Debian", label: "D S", suite: "stable", codename: "trixie"),
        PackageOrigin(origin: "", label: "", suite: "", codename: ""),
      ])
  }

  @Test(
    arguments: [
      (["origin=Debian,codename=${distro_codename}-security,label=Debian-Security"], true),
      (["origin=Debian,codename=${distro_codename},label=Debian-Security", "o=Debian, n=trixie-security"], true),
      (["${distro_id}:${distro_codename}-security", "${distro_id}ESM:${distro_codename}-infra-security"], true),
      (["origin=Debian,archive=*-security"], true),
      (["origin=Debian,codename=${distro_codename},label=Debian"], false),
      (["label=Debian-Security", "origin=Debian,codename=${distro_codename},label=Debian"], false),
      (["${distro_id}:${distro_codename}"], false), (["origin=Debian-Security"], false), (["site=a-security"], false),
      ([","], false), (["="], false), ([], false),
    ] as [([String], Bool)])
  func patternsOfUnattendedUpgrades(patterns: [String], isSecurityOnly: Bool) {
    let lines = patterns.enumerated().map { index, pattern in
      "Unattended-Upgrade::\(index == 0 ? "Origins-Pattern" : "Allowed-Origins"):: \"\(pattern)\";"
    }
    let settings = UnattendedUpgrades((["Unattended-Upgrade \"\";"] + lines).joined(separator: "\n"))
    #expect(settings.patterns == patterns)
    #expect(settings.isSecurityOnly == isSecurityOnly)
    #expect(!settings.isOn)
  }

  @Test(arguments: [
    ("APT::Periodic::Unattended-Upgrade \"1\";", true), ("APT::Periodic::Unattended-Upgrade \"always\";", true),
    ("APT::Periodic::Unattended-Upgrade \"0\";", false), ("APT::Periodic::Unattended-Upgrade \"1\"", false),
    ("APT::Periodic::Unattended-Upgrade \"1\";\nAPT::Periodic::Enable \"0\";", false),
  ])
  func itRunsByItself(text: String, isOn: Bool) { #expect(UnattendedUpgrades(text).isOn == isOn) }
}
