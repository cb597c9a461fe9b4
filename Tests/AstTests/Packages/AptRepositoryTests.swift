import SystemPackage
import TestSupport
import Testing

/// The archives that other tests install from: the apt of a node accepts them, and reports their faults.
@Suite("The archive of the tests", .requiresRoot)
struct AptRepositoryTests {
  let packages: PackageStore
  let node: Int

  init() throws {
    packages = try PackageStore(publishing: [Self.older])
    node = try packages.store.clone(0)
  }

  private var repository: AptRepository { packages.repository }
  private var server: HTTPServer { packages.repository.server }

  private static let older = DebPackage(
    "greeting", version: "1:1.0-1", fields: ["Depends": "dpkg (>= 1.20)", "Section": "misc"],
    files: ["/usr/share/greeting": "hello\n", "/usr/bin/greet": .init("#!/bin/sh\n", mode: .init(rawValue: 0o755))],
    conffiles: ["/etc/greeting.conf": "loud=no\n"],
    scripts: [.postinst: "echo $1 $2 >>/root/calls", .prerm: "echo $1 $2 >>/root/calls"])

  private static let newer = {
    var package = older
    package.version = "1:2.0~rc1+b1-1"
    package.files["/usr/share/greeting"] = "hello again\n"
    package.conffiles["/etc/greeting.conf"] = "loud=yes\n"
    return package
  }()

  private func apt(_ arguments: String...) throws -> CommandResult {
    try packages.store.ast(
      ["run", "\(node)", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "--quiet"] + arguments)
  }

  private func inNode(_ script: String) throws -> [String] {
    try packages.store.ast("-q", "run", "\(node)", "sh", "-c", script).expectSuccess().stdout.lines
  }

  private func version() throws -> String? {
    try inNode("dpkg-query --show --showformat '${Status} ${Version}\\n' greeting || :").first
  }

  /// Path and status of all requests since the last call.
  private func asked() -> [String] {
    defer { server.forgetExchanges() }
    return server.exchanges.map { "\($0.status) \($0.path)" }
  }

  // MARK: Packages

  @Test func packageIsInstalledAndWhatItNeedsIsFetchedOnce() throws {
    try apt("update").expectSuccess()
    try apt("install", "greeting").expectSuccess()
    #expect(try version() == "install ok installed 1:1.0-1")
    #expect(try inNode("cat /usr/share/greeting /etc/greeting.conf /root/calls") == ["hello", "loud=no", "configure"])
    #expect(try inNode("stat --format '%a %U' /usr/bin/greet /etc/greeting.conf") == ["755 root", "644 root"])
    #expect(
      try inNode("dpkg --verify greeting; cut -c 35- </var/lib/dpkg/info/greeting.md5sums") == [
        "usr/bin/greet", "usr/share/greeting",
      ])
    let conffiles = "dpkg-query --show --showformat '${Conffiles}\\n' greeting | cut -d ' ' -f 2"
    #expect(try inNode(conffiles) == ["/etc/greeting.conf"])
    #expect(
      try asked() == [
        "200 \(repository.releasePath)", "200 \(repository.indexPath)", "200 \(repository.path(of: Self.older))",
      ])
  }

  @Test func newerPublicationUpgrades() throws {
    try apt("update").expectSuccess()
    try apt("install", "greeting").expectSuccess()
    _ = asked()
    try apt("update").expectSuccess()
    #expect(asked() == ["304 \(repository.releasePath)"])

    try repository.publish([Self.newer])
    try apt("update").expectSuccess()
    try apt("upgrade").expectSuccess()
    #expect(try version() == "install ok installed 1:2.0~rc1+b1-1")
    #expect(
      try inNode("cat /usr/share/greeting /etc/greeting.conf /root/calls") == [
        "hello again", "loud=yes", "configure", "upgrade 1:2.0~rc1+b1-1", "configure 1:1.0-1",
      ])
    #expect(server.requests(for: repository.releasePath) == 1)
    #expect(try server.bodies(for: repository.indexPath) == 1)
    #expect(server.bodies(for: repository.path(of: Self.newer)) == 1)
    #expect(server.requests(for: repository.path(of: Self.older)) == 0)
  }

  @Test func archiveOfAPackageDoesNotTellWhenItWasBuilt() throws {
    let archive = try Self.older.build(in: LoopBtrfs.shared.newDirectory()).string
    let contents = try runSuccessfully(["dpkg-deb", "--contents", archive]).lines
    #expect(contents.count == 8)
    #expect(contents.allSatisfy { $0.contains(" root/root ") && $0.contains(" 2023-11-14 ") }, "\(contents)")
    let again = try Self.older.build(in: LoopBtrfs.shared.newDirectory()).string
    try runSuccessfully(["cmp", archive, again])
  }

  // MARK: Refusals

  @Test func badSignatureIsRefused() throws {
    try repository.spoilSignature()
    #expect(try apt("update").status == 100)
    #expect(try inNode("ls /var/lib/apt/lists | grep Packages || :") == [])
    try repository.publish([Self.newer])
    try apt("update").expectSuccess()
  }

  @Test func badContentIsRefused() throws {
    try apt("update").expectSuccess()
    try repository.spoilContent(of: Self.older)
    let result = try apt("install", "greeting")
    #expect(result.status == 100)
    #expect(result.stderr.contains("Hash Sum mismatch"))
    #expect(try version() == nil)
  }

  @Test func missingPackageIsNotFound() throws {
    try apt("update").expectSuccess()
    try repository.remove(Self.older)
    let result = try apt("install", "greeting")
    #expect(result.status == 100)
    #expect(result.stderr.contains("404  Not Found"))
    let path = repository.path(of: Self.older)
    #expect(server.requests(for: path) >= 1)
    #expect(server.bodies(for: path) == 0)
  }

  // MARK: The server

  @Test func stoppedServerRefusesAndComesBackOnItsPort() throws {
    server.stop()
    let result = try apt("-o", "Acquire::Retries=0", "-o", "APT::Update::Error-Mode=any", "update")
    #expect(result.status == 100)
    #expect(result.stderr.contains("Connection refused") || result.stderr.contains("connection refused"))
    #expect(asked() == [])
    try server.start()
    try apt("update").expectSuccess()
  }

  @Test func cutDownloadIsResumed() throws {
    let large = DebPackage("large", files: ["/usr/share/large": .init(String(repeating: "0123456789", count: 100_000))])
    try repository.publish([large])
    try apt("update").expectSuccess()
    let path = repository.path(of: large)
    server.cutBody(of: path, after: 300_000)
    try apt("-o", "Acquire::Retries=3", "install", "large").expectSuccess()
    #expect(server.exchanges.filter { $0.path == path }.map(\.status) == [200, 206])
    #expect(try inNode("dpkg --verify large; wc --bytes </usr/share/large") == ["1000000"])
  }

  @Test func stalledDownloadGoesOn() throws {
    try apt("update").expectSuccess()
    let path = repository.path(of: Self.older)
    server.stall(path, after: 1000)
    let install = try packages.store.start(["run", "\(node)", "apt-get", "--yes", "install", "greeting"])
    try server.waitForStall(at: path)
    #expect(install.isRunning)
    server.resume(path)
    #expect(try install.wait().status == 0)
    #expect(server.bodies(for: path) == 1)
  }

  @Test func serverAnswersAsHTTPAsksFor() throws {
    let place = try LoopBtrfs.shared.newDirectory()
    try runSuccessfully(["sh", "-c", "printf 0123456789 >'a+b c'; touch --date=@1000000000 'a+b c'"], in: place)
    let server = try HTTPServer(serving: place)
    // All requests use one connection; each line is method, path, fields.
    let requests = """
      GET /a%2bb%20c
      HEAD /a+b%20c
      GET /a+b%20c Range=bytes=4-
      GET /a+b%20c Range=bytes=10-
      GET /a+b%20c Range=bytes=4-|If-Range=Sun, 09 Sep 2001 01:46:40 GMT
      GET /a+b%20c Range=bytes=4-|If-Range=Sun, 09 Sep 2001 01:46:41 GMT
      GET /a+b%20c If-Modified-Since=Sun, 09 Sep 2001 01:46:40 GMT
      GET /a+b%20c If-Modified-Since=Sun, 09 Sep 2001 01:46:39 GMT
      GET /missing
      GET /
      POST /a+b%20c
      """
    let client = """
      import http.client, sys
      connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
      for line in sys.stdin:
        method, path, *fields = line.strip().split(" ", 2)
        connection.request(method, path, headers=dict(f.split("=", 1) for f in "".join(fields).split("|") if f))
        answer = connection.getresponse()
        print(answer.status, answer.read().decode(), answer.headers["Content-Range"], answer.headers["Content-Length"])
      print(answer.version)
      """
    let answers = try runSuccessfully(["python3", "-c", client, "\(server.port)"], input: requests).lines
    #expect(
      answers == [
        "200 0123456789 None 10", "200  None 10", "206 456789 bytes 4-9/10 6", "416  bytes */10 0",
        "206 456789 bytes 4-9/10 6", "200 0123456789 None 10", "304  None None", "200 0123456789 None 10",
        "404  None 0", "404  None 0", "405  None 0", "11",
      ])
    #expect(server.requests(for: "/a+b c") == 9)
    #expect(server.bodies(for: "/a+b c") == 5)
  }

  // MARK: The stores

  @Test func archiveIsTheOnlyOneOrBesideDebians() throws {
    let list = ["-q", "run", "1", "sh", "-c", "apt-get --print-uris update | cut -d ' ' -f 1 | grep InRelease"]
    #expect(try packages.store.ast(list).expectSuccess().stdout == "'\(server.uri)\(repository.releasePath)'\n")
    let both = try PackageStore(other: .debian)
    _ = try both.store.clone(0)
    let indices = try both.store.ast(list).expectSuccess().stdout.lines
    #expect(indices.contains("'\(both.repository.server.uri)\(both.repository.releasePath)'"))
    #expect(indices.contains { $0.hasSuffix("/dists/\(DebianRoot.suite)/InRelease'") })
  }
}
