import FoundationEssentials
import Sandbox
import SystemPackage
import TestSupport
import Testing

@Suite(.requiresRoot) struct AptTests {
  var fixture: Fixture

  init() throws {
    fixture = try Fixture()
    fixture.sandbox.startsServices = false
    fixture.sandbox.environment["DEBIAN_FRONTEND"] = "noninteractive"
  }

  @Test(.disabled(if: ProcessInfo.processInfo.environment["AST_TEST_OFFLINE"] != nil, "AST_TEST_OFFLINE is set"))
  func packageIsInstalledOverTheNetwork() throws {
    var fixture = fixture
    fixture.sandbox.binds = [.resolverConfiguration]
    let outcome = try fixture.shell("apt-get -q update && apt-get -qy install --no-install-recommends hello && hello")
    #expect(outcome.status == 0, "\(outcome.stdout)\(outcome.stderr)")
    #expect(outcome.stdout.hasSuffix("Hello, world!\n"))
  }

  @Test func servicesOfAPackageAreNotStarted() throws {
    let build = """
      mkdir -p /tmp/package/DEBIAN /tmp/package/etc/init.d
      printf 'Package: daemon\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@example.org>\\nDescription: a daemon\\n' > /tmp/package/DEBIAN/control
      printf '#!/bin/sh\\nset -e\\nupdate-rc.d sleeper defaults\\ninvoke-rc.d sleeper start\\ntouch /configured\\n' > /tmp/package/DEBIAN/postinst
      printf '#!/bin/sh\\n### BEGIN INIT INFO\\n# Provides: sleeper\\n# Required-Start:\\n# Required-Stop:\\n# Default-Start: 2 3\\n# Default-Stop: 0\\n### END INIT INFO\\ntouch /service-started\\n' > /tmp/package/etc/init.d/sleeper
      chmod 755 /tmp/package/DEBIAN/postinst /tmp/package/etc/init.d/sleeper
      dpkg-deb --build /tmp/package /tmp/daemon.deb && dpkg --install /tmp/daemon.deb
      ls /configured /service-started
      """
    // The node's own policy allows everything; without any, invoke-rc.d(8) starts nothing where there is no init system.
    func fixture(startsServices: Bool) throws -> Fixture {
      var fixture = try Fixture()
      try fixture.prepare("printf '#!/bin/sh\nexit 0\n' > usr/sbin/policy-rc.d; chmod 755 usr/sbin/policy-rc.d")
      fixture.sandbox.startsServices = startsServices
      return fixture
    }
    let forbidden = try fixture(startsServices: false).shell(build)
    #expect(forbidden.stdout.hasSuffix("\n/configured\n"), "\(forbidden.stdout)\(forbidden.stderr)")
    let allowed = try fixture(startsServices: true).shell(build)
    #expect(allowed.stdout.hasSuffix("/configured\n/service-started\n"), "\(allowed.stdout)\(allowed.stderr)")
  }
}
