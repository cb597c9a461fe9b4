import Etc

extension FuzzEntry {
  static let etcEntries: [FuzzEntry] = [
    FuzzEntry(
      "fstab", of: ["Formats/Etc/Fstab.swift"],
      seeds: [
        "UUID=0-1 / btrfs defaults,compress=zstd 0 0\n/dev/sda1\t/boot/efi\tvfat umask=077\n# x\n"
          + "/swap\\040file none swap sw 0 0\ntmpfs /a\\134b/../c tmpfs size=1G 0 0"
      ], files: ["etc/fstab"]
    ) { input in
      let fstab = Fstab(input)
      let layout = Fstab.layout(fileSystem: "0-1", efiPartition: "0-2")
      let complete = fstab.completing(with: layout)
      try require(complete.content.starts(with: input), "a line was changed")
      try require(complete.completing(with: layout) == complete, "it is not complete")
      let adopted = fstab.adopting(fileSystem: "0-1")
      try require(adopted.entries.count { $0.mountPoint == "/" } == 1, "there is not one root")
      _ = (fstab.swapFiles.prefix(3).map(fstab.mountsApart), adopted.uuid(at: "/"))
    },
    FuzzEntry(
      "crypttab", of: ["Formats/Etc/Crypttab.swift"],
      seeds: ["# <name>\nsda3_crypt UUID=0-1 none luks,discard\n\tb /dev/sda4\n"]
    ) { input in
      let table = Crypttab(input)
      let names = table.names
      let added = table.adding("initramfs", to: Set(names))
      try require(added.names == names, "\(added.names)")
      try require(added.adding("initramfs", to: Set(names)) == added, "an option was added twice")
      try require(table.adding("initramfs", to: []) == table, "another line was changed")
    },
    FuzzEntry(
      "hibernation-place", of: ["Formats/Etc/HibernationPlace.swift"],
      seeds: [
        "RESUME=UUID=a\n", "UUID=a none swap sw 0 0\n", "/dev/mapper/s none swap sw\ns /dev/sda2 /dev/urandom swap\n",
      ]
    ) { input in
      let words = String(decoding: input, as: UTF8.self).split(separator: " ").map(String.init)
      for arguments in [[], words] {
        let place = HibernationPlace(arguments: arguments, configuration: input, table: Fstab(input), encrypted: input)
        try require(place.arguments.count <= 2, "\(place.arguments)")
        try require(!place.arguments.contains { $0.contains(" ") || $0.contains("'") }, "\(place.arguments)")
      }
    },
    FuzzEntry(
      "os-release", of: ["Formats/Etc/OSRelease.swift"],
      seeds: ["PRETTY_NAME=\"Debian \\\"13\\\"\"\nVERSION_ID='13'\n# a=b\nID=debian\\ 1  \n"],
      files: ["usr/lib/os-release"]
    ) { input in
      let release = OSRelease(input)
      try require(!release.prettyName.utf8.contains(10), "the name has a newline")
      _ = release["VERSION_ID"]
    },
    FuzzEntry(
      "access-control-list", of: ["Formats/Etc/Accounts/AccessControlList.swift"],
      bytes: [[2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 100, 0, 0, 0, 8, 0, 4, 0, 101, 0, 0, 0]]
    ) { input in
      guard let list = AccessControlList.renumbered(input, users: [100: 200], groups: [101: 201]) else { return }
      try require(list.count == input.count, "the list has another length")
      try require(
        AccessControlList.renumbered(list, users: [200: 100], groups: [201: 101]) != nil, "nothing was renumbered")
    },
  ]
}
