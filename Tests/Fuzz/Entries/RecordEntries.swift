import Boot
import FoundationEssentials
import Grub
import Host
import Rootfs
import SnapshotTree
import Store
import SystemPackage

extension FuzzEntry {
  private static let record = """
    {"generations": [{"boot": {"arguments": "quiet", "initrd": "boot/initrd.img-6.12", "kernel": "boot/vmlinuz-6.12"},
      "created": "2026-12-01T05:22:29Z", "node": 1, "number": 4, "operation": 17, "size": 1000,
      "subvolume": "8b4df7a6-4f2a-4b0c-9d3e-0123456789ab"}],
     "isDefault": false, "nextNode": 9,
     "node": {"created": "2026-12-01T05:22:29Z", "current": 4, "description": "web \\u00e4", "id": 1,
      "nextGeneration": 5, "parent": 0, "previous": 3}}
    """
  private static let others = [
    #"{"base":{"of":"3","snapshot":"4.1"},"deployment":4,"generation":"nodes/1/4","mode":"merge","people":["anna"]}"#,
    #"{"deployment":4,"from":"3","isChanged":true,"isWhole":true,"leftBehind":2,"sentences":["a"]}"#,
    #"{"command":"ast clone 0","pid":4711,"started":786000000.5}"#,
    """
    {"data":["var"],"identity":"8B4DF7A6-4F2A-4B0C-9D3E-0123456789AB","leftBehind":["/etc/a"],
     "made":{"@var":"8B4DF7A6-4F2A-4B0C-9D3E-0123456789AC"},"reason":"x","state":"made","subvolume":""}
    """,
    #"{"encryption":"8b4df7a6-4f2a","fileSystem":"1A2B-3C4D","kind":"esp","mountPoint":"/boot/efi","type":"vfat"}"#,
    #"[{"node":2,"reason":{"lacks":{"_0":["btrfs.ko"]}}},{"node":3,"reason":{"room":{}}}]"#,
    #"{"lacks":["cryptsetup"],"keys":["/etc/keys/root.key"]}"#,
  ]

  static let recordEntries: [FuzzEntry] = [
    FuzzEntry(
      "tag-record", of: ["SnapshotTree/Model/TagRecord.swift"],
      seeds: [
        #"{"pinned":[{"node":1,"number":2}],"tags":[{"name":"golden","node":1},{"generation":3,"name":"a.b-1","node":2}]}"#
      ]
    ) { input in
      guard let record = try? TagRecord(json: input) else { return }
      try require(try TagRecord(json: record.json()) == record, "what was written is not what is read")
    },
    FuzzEntry("node-record", of: ["SnapshotTree/Model/NodeRecord.swift"], seeds: [record]) { input in
      let read: NodeRecord
      do throws(TreeError) {
        read = try NodeRecord(json: input)
      } catch {
        return try require(!"\(error)".isEmpty, "the error has no words")
      }
      // Times are written to the second, whatever was read.
      let written = try read.json()
      try require(try NodeRecord(json: written).json() == written, "what was written is written differently")
      _ = title(of: read).text
    },
    FuzzEntry(
      "records",
      of: [
        "Store/AdoptionRecord.swift", "System/Rootfs/StartStamp.swift", "Operations/Boot/StartReport.swift",
        "System/Host/Processes/Lock.swift", "Store/BootVolume/BootVolumeRecord.swift",
        "Store/BootVolume/LeftOutNodes.swift", "Store/BootVolume/BootFileDigests.swift",
        "Store/Initrds/InitrdFindings.swift",
      ], seeds: others
    ) { input in
      try check(AdoptionRecord.self, input)
      try check(BootVolumeRecord.self, input)
      try check([LeftOutNode].self, input)
      try check([String: String].self, input)
      try check(InitrdFinding.self, input)
      try check(StartStamp.self, input)
      try check(LockHolder.self, input)
      // That it is not JSON is an error of its own.
      _ = try? JSONDecoder().decode(StartReport.self, from: Data(input))
    },
    FuzzEntry(
      "run-note", of: ["Store/Starts/RunNote.swift"], seeds: ["ran=4\nfrom=3\n", "ran=before\n", "ran=3\r\nfrom=2\r"]
    ) { input in
      guard let note = RunNote(text(input)) else { return }
      try require(RunNote(note.text) == note, "what was written is not what is read")
      try require(note.starting(DeploymentID(5)).ran == "5", "another deployment starts")
      try require(note.deployments.allSatisfy { $0.rawValue >= 0 }, "a deployment has a negative number")
    },
  ]

  private static func check<Record: Codable & Equatable>(_ type: Record.Type, _ input: [UInt8]) throws {
    guard let read = try? JSONDecoder().decode(type, from: Data(input)) else { return }
    let written = try JSONEncoder().encode(read)
    try require(try JSONDecoder().decode(type, from: written) == read, "what was written is not what is read")
  }

  private static func title(of record: NodeRecord) -> BootMenu {
    let title = BootMenuTitle(
      node: record.node.id.rawValue, generation: record.node.current.rawValue, date: record.node.created,
      description: record.node.description, system: "Debian")
    let systems = record.generations.map { generation in
      BootMenu.System(
        title: title, subvolume: generation.path, kernel: FilePath(generation.boot?.kernel ?? ""),
        initrd: FilePath(generation.boot?.initrd ?? ""), arguments: generation.boot?.arguments ?? "")
    }
    return BootMenu(
      fileSystem: "0-1", machineID: "0", deployments: systems.map { BootMenu.Deployment(id: 1, system: $0) },
      nodes: systems)
  }
}
