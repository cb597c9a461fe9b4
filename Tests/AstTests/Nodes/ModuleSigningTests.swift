import FoundationEssentials
import SystemPackage
import TestSupport
import Testing

/// Kernel modules that are built in a node are signed outside: the key is never in it.
@Suite("Signing modules", .requiresRoot, .serialized)
struct ModuleSigningTests {
  /// What dkms(8) 3.0 and 3.2 do with the settings of the framework, and an object file in place of a module.
  private static let dkms = """
    for file in /etc/dkms/framework.conf /etc/dkms/framework.conf.d/*.conf; do [ ! -e "$file" ] || . "$file"; done
    echo "$sign_file" "$mok_signing_key" "$mok_certificate"
    printf '\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0module' >/root/x.ko
    """
  private static let sign = #""$sign_file" "${hash:-sha256}" "$mok_signing_key" "$mok_certificate" /root/x.ko"#

  private let node: DebianNode
  private var key: FilePath { node.store.root.appending("ast/module-key") }

  init() throws { node = try DebianNode() }

  private func allow() throws -> CommandResult {
    try node.store.ast("config", "-y", "-N", "\(node.id)", "--set", "boot.sign-modules=true")
  }

  private func dkms(_ script: String = "") throws -> CommandResult {
    try node.store.ast(["run", "--no-network", "\(node.id)", "bash", "-ec", "\(Self.dkms)\n\(script)"])
  }

  @Test func aModuleGetsTheSignatureThatTheKernelChecks() throws {
    try allow().expectSuccess()
    for hash in ["sha256", "sha512"] {
      let result = try dkms("hash=\(hash); \(Self.sign)").expectSuccess()
      #expect(
        result.stdout == "/run/ast/sign/sign-file /run/ast/sign/key /run/ast/sign/certificate.der\n", "\(result)")
      let module = try node.content.appending("root/x.ko").string
      // The end says how long the message before it is.
      let checking = """
        size=$(stat -c %s "$1"); dir=$(mktemp -d); trap 'rm -r "$dir"' EXIT
        tail -c 28 "$1" | grep -qx '~Module signature appended~'
        length=$(tail -c 32 "$1" | head -c 4 | od -An -tu1 | { read -r a b c d; echo $((c * 256 + d)); })
        head -c $((size - 40 - length)) "$1" >"$dir/content"
        tail -c $((40 + length)) "$1" | head -c "$length" >"$dir/message"
        openssl cms -verify -binary -inform DER -in "$dir/message" -content "$dir/content" -certfile "$2" -noverify \
          -out /dev/null
        openssl cms -cmsout -print -inform DER -in "$dir/message" | grep -A1 digestAlgorithm: | grep -o 'sha[0-9]*'
        openssl cms -cmsout -print -inform DER -in "$dir/message" | grep -A1 -E 'certificates:|signedAttrs:' | grep -c ABSENT
        stat -c %s "$dir/content"
        """
      let checked = try runSuccessfully(["bash", "-ec", checking, "sh", module, "\(key)/certificate.der"])
      #expect(checked == "\(hash)\n3\n24\n")
    }
    let use = try runSuccessfully([
      "openssl", "x509", "-in", "\(key)/certificate.der", "-noout", "-ext", "extendedKeyUsage,basicConstraints",
    ])
    // "Modules only", which shim takes for neither boot loaders nor kernels.
    #expect(use.contains("CA:FALSE") && use.contains("Usage: \n    1.3.6.1.4.1.2312.16.1.2\n"), "\(use)")
    let modes = try runSuccessfully(["find", key.string, "-printf", "%P %m %U\\n"]).lines.sorted()
    #expect(modes == [" 700 0", "certificate.der 644 0", "key.pem 600 0"])
    #expect(try runSuccessfully(["ls", "-A", "/run/ast/sign"]) == "")
  }

  @Test func withoutTheSettingNoKeyIsMade() throws {
    let result = try dkms("[ ! -e \"$sign_file\" ]; [ ! -e /run/ast/sign ]").expectSuccess()
    #expect(result.stdout == "/run/ast/sign/sign-file  \n")
    // A key that is there, or that the administrator has named, is used.
    let own =
      "mkdir -p /var/lib/dkms; touch /var/lib/dkms/mok.key; for f in /etc/dkms/framework.conf.d/*; do . $f; done"
    #expect(try dkms("sign_file=; \(own); echo \"<$sign_file>\"; exit 1").stdout.lines.last == "<>")
    #expect(
      try dkms("sign_file= mok_signing_key=/x; . /etc/dkms/framework.conf.d/*.conf; echo \"<$sign_file>\"; exit 1")
        .stdout.lines.last == "<>")
  }

  /// A package can write the settings of its node; it cannot allow itself anything.
  @Test func theSettingAloneDoesNotSign() throws {
    let setting = "mkdir -p /etc/ast; echo boot.sign-modules = true >/etc/ast/node.toml"
    try node.shell(setting).expectSuccess()
    let result = try dkms("[ ! -e /run/ast/sign ]").expectSuccess()
    let warning =
      "ast: warning: kernel modules of node \(node.id) are not signed: boot.sign-modules is set in it, but not allowed here; "
      + "`ast config -N \(node.id) --set boot.sign-modules=true` allows it\n"
    #expect(result.stderr.contains(warning), "\(result)")
    let words = ["config", "-N", "\(node.id)", "--set", "boot.sign-modules=true"]
    #expect(try node.store.ast(words).status == 2)
    try node.store.ast(words + ["-y"]).expectSuccess()
    try dkms(Self.sign).expectSuccess()
    // A clone has the setting, and nobody was asked about it.
    let clone = try node.store.clone(node.id)
    #expect(try node.store.ast("run", "\(clone)", "test", "-e", "/run/ast/sign").status == 1)
    try node.store.ast("config", "-N", "\(node.id)", "--unset", "boot.sign-modules").expectSuccess()
    try node.shell(setting).expectSuccess()
    #expect(try dkms("[ ! -e /run/ast/sign ]").expectSuccess().stderr.contains(warning))
  }

  /// The stand-in, the socket and the files beside it are all there is; what is signed is a module.
  @Test func aHostileProgramFindsNoKey() throws {
    try allow().expectSuccess()
    let looking = """
      ls /run/ast/sign; cat /run/ast/sign/key
      find / -xdev -type f -size -9k -exec grep -l 'PRIVATE KEY-----$' {} + 2>/dev/null || :
      for place in /.snapshots /proc/1/root/.snapshots '\(key)' '\(node.store.root)'; do [ ! -e "$place" ]; done
      : >/run/ast/sign/x || echo read-only
      """
    let found = try dkms(looking).expectSuccess()
    #expect(
      found.stdout.lines.dropFirst() == [
        "certificate.der", "key", "sign-file", "socket", "The key is not here: ast signs.", "read-only",
      ], "\(found)")
    for (script, reason) in [
      ("printf MZ >/root/x.ko", "it is not a kernel module"),
      ("hash=md5", "the kernel wants another hash than ast knows"),
      ("hash=\(String(repeating: "x", count: 50))", "the name of the hash is too long"),
    ] {
      let refused = try dkms(
        "\(script); before=$(cksum /root/x.ko); ! \(Self.sign); [ \"$before\" = \"$(cksum /root/x.ko)\" ]")
      #expect(refused.status == 0 && refused.stderr.contains("sign-file: /root/x.ko: \(reason)\n"), "\(refused)")
      #expect(
        refused.stderr.contains("ast: warning: node \(node.id): a kernel module is not signed: \(reason)\n"),
        "\(refused)")
    }
    // Other users of the node get nothing, and a program that connects and says nothing is in nobody's way.
    let silent =
      "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => \"/run/ast/sign/socket\") or exit 3; sleep 60'"
    #expect(try dkms("setpriv --reuid 65534 --regid 65534 --clear-groups \(silent)").status == 3)
    try dkms("\(silent) & sleep 1").expectSuccess()
  }
}
