import DebianFormats
import Testing

@Suite struct AptStatusTests {
  /// Lines as apt 2.6 and 3.0 write them.
  @Test(arguments: [
    ("dlstatus:1:33.3333:Retrieving file 1 of 3", AptStatus.fetching(percent: 33.3333, what: "Retrieving file 1 of 3")),
    (
      "dlstatus:1:0:Retrieving file 1 of 1 (12 s remaining: 3 MB)",
      .fetching(percent: 0, what: "Retrieving file 1 of 1 (12 s remaining: 3 MB)")
    ),
    (
      "pmstatus:hello:20.0000:Unpacking hello (amd64)",
      .working(package: "hello", percent: 20, what: "Unpacking hello (amd64)")
    ),
    (
      "pmstatus:libc6:amd64:20:Preparing libc6:amd64 (amd64)",
      .working(package: "libc6:amd64", percent: 20, what: "Preparing libc6:amd64 (amd64)")
    ),
    ("pmstatus:dpkg-exec:0:Running dpkg", .working(package: "dpkg-exec", percent: 0, what: "Running dpkg")),
    (
      "pmerror:hello:60:subprocess returned error exit status 1",
      .failed(package: "hello", reason: "subprocess returned error exit status 1")
    ),
    (
      "pmerror:/run/ast/packages/x_1%3a2_all.deb :40:trying to overwrite '/usr/a:b', which is also in package y 1:2",
      .failed(
        package: "/run/ast/packages/x_1%3a2_all.deb ",
        reason: "trying to overwrite '/usr/a:b', which is also in package y 1:2")
    ),
    // A program of the node can print any number.
    ("pmstatus:hello:1e300:x", .working(package: "hello", percent: 100, what: "x")),
    ("dlstatus:1:-7:x", .fetching(percent: 0, what: "x")),
    ("pmerror:libx:i386:0:", .failed(package: "libx:i386", reason: "")),
    // A package may have a number for a name's end, and what is said may begin with one.
    ("pmstatus:0ad:50:100: done", .working(package: "0ad", percent: 50, what: "100: done")),
  ])
  func lineOfProgressIsRead(line: String, status: AptStatus) {
    #expect(AptStatus(line) == status)
  }

  @Test(arguments: [
    "", ":", ":::", "pmstatus", "pmstatus:", "pmstatus:a", "pmstatus:a:10", "pmstatus:a:ten:x", "dlstatus:1:x:y",
    "dlstatus:1:2", "pmconffile:/etc/a:10:'/etc/a' '/etc/a.new' 1 1", "media-change: a,b,c", "pmsomething:a:1:b",
    "Reading package lists...", "pmstatus:a:b:c:d", "pmstatus:a:nan:x", "pmstatus:a:inf:x", "dlstatus:1:-inf:x",
  ])
  func otherLineIsNone(line: String) {
    #expect(AptStatus(line) == nil)
  }
}
