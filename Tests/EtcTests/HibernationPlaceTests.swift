import Etc
import Testing

@Suite("Where a machine hibernates") struct HibernationPlaceTests {
  private struct Machine: Sendable {
    var arguments: [String] = []
    var configuration = ""
    var table = ""
    var encrypted = ""
  }

  private static let swap = "UUID=1 / btrfs ro 0 1\nUUID=a none swap sw 0 0\nUUID=b none swap sw 0 0\n"

  private static let cases: [(Machine, [String])] = [
    (Machine(), []),
    (Machine(table: swap), ["resume=UUID=a"]),
    (Machine(table: "#UUID=a none swap sw 0 0\n/swapfile none swap sw 0 0\n"), []),
    (Machine(table: "/dev/zram0 none swap sw 0 0\n/dev/vg/s none swap sw 0 0\n"), ["resume=/dev/vg/s"]),
    (Machine(table: "/dev/mapper/s none swap sw 0 0\n", encrypted: "s /dev/sda2 /dev/urandom swap\n"), []),
    (
      Machine(table: "/dev/mapper/s none swap sw 0 0\n", encrypted: "s /dev/sda2 none luks\n"), ["resume=/dev/mapper/s"]
    ),
    (Machine(configuration: "RESUME=UUID=c\n", table: swap), ["resume=UUID=c"]),
    (Machine(configuration: "RESUME=\"/dev/sda2\"\n"), ["resume=/dev/sda2"]),
    (Machine(configuration: "RESUME=auto\n", table: swap), ["resume=UUID=a"]),
    (Machine(configuration: "RESUME=none\n", table: swap), []),
    (Machine(configuration: "RESUME='a b'\n", table: swap), []),
    (Machine(arguments: ["quiet", "noresume"], table: swap), []),
    (
      Machine(arguments: ["resume=/dev/a", "resume=/dev/b", "resume_offset=7"], table: swap),
      ["resume=/dev/b", "resume_offset=7"]
    ),
    (Machine(arguments: ["resume_offset=7"], table: swap), ["resume=UUID=a"]),
  ]

  @Test func itIsFoundWhereTheMachineSaysIt() {
    for (machine, expected) in Self.cases {
      let place = HibernationPlace(
        arguments: machine.arguments, configuration: Array(machine.configuration.utf8),
        table: Fstab(machine.table.utf8), encrypted: Array(machine.encrypted.utf8))
      #expect(place.arguments == expected, "\(machine)")
    }
  }
}
