import Btrfs
import Glibc
import Host
import Sandbox
import Store
import SystemPackage

/// Directories of shared libraries that are not in a root, but in the data of the machine that are mounted there:
/// ldconfig(8) finds them only where they are.
struct LibraryPlaces {
  /// The mount points of the data that ld.so.conf(5) names, each with its subvolume.
  let mounts: [(place: FilePath, subvolume: String)]

  /// Whether there are none.
  var isEmpty: Bool { mounts.isEmpty }

  /// Reads the configuration in an /etc. Files that it includes from elsewhere are not looked at.
  init(namedIn etc: OpenDirectory) throws {
    var texts = [try etc.contents(of: "ld.so.conf", limit: Self.largest) ?? []]
    if let directory = try etc.directory("ld.so.conf.d") {
      for name in try directory.names() where name.extension == "conf" {
        guard try directory.status(of: name).map({ $0.st_mode & S_IFMT == S_IFREG }) == true else { continue }
        texts.append(try directory.contents(of: name, limit: Self.largest) ?? [])
      }
    }
    let named = texts.flatMap { $0.split(separator: UInt8(ascii: "\n")) }.map { line in
      FilePath(String(decoding: line, as: UTF8.self).trimmingPrefix { $0 == " " || $0 == "\t" }.description)
    }
    mounts = Self.data.filter { data in named.contains { $0.starts(with: data.place) } }
  }

  /// Mounts the data for this process and its children, except for what is on another file system.
  ///
  /// - Returns: the data as a program in a sandbox is to see them.
  func mount(on machine: Machine, with mounts: inout ChrootMounts) throws -> [Sandbox.Bind] {
    try self.mounts.filter { try Subvolume.isSubvolume(at: machine.path(of: $0.subvolume)) }.map { mount in
      let place: FilePath = "/run/ast/data"
      let target = place.appending(mount.subvolume)
      try Files.ensureDirectories(target)
      try mounts.mount(mount.subvolume, of: machine.device, at: target)
      return Sandbox.Bind(target, at: mount.place)
    }
  }

  private static let data: [(place: FilePath, subvolume: String)] = [
    ("/srv", "@srv"), ("/home", "@home"), ("/root", "@root"), ("/var", "@var"),
  ]
  private static let largest: Int64 = 1 << 20
}
