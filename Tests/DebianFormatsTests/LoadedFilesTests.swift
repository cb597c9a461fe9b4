import DebianFormats
import FoundationEssentials
import Testing

/// What decides which files the dynamic loader loads.
@Suite struct LoadedFilesTests {
  private static let shell = Result { try Data(contentsOf: URL(filePath: "/bin/sh")) }

  @Test func aProgramNamesItsLibrariesAndItsLoader() throws {
    let linked = try #require(LinkedLibraries(try Self.shell.get()))
    #expect(linked.names.contains("libc.so.6"))
    #expect(linked.names.contains { $0.hasPrefix("/lib") && $0.contains("/ld-") })
    #expect(linked.directories == [])
  }

  @Test func whatIsNotAProgramHasNone() throws {
    #expect(LinkedLibraries(Data()) == nil)
    #expect(LinkedLibraries(Data("#!/bin/sh\nexit 0\n".utf8)) == nil)
    let shell = try Self.shell.get()
    for count in stride(from: 0, to: 4096, by: 7) { #expect(LinkedLibraries(shell.prefix(count)) == nil, "\(count)") }
    // The numbers of the first header that say where the others are.
    for place in Array(32..<40) + Array(54..<58) {
      var damaged = shell
      damaged[place] = 0xff
      #expect(LinkedLibraries(damaged)?.names.contains("libc.so.6") != true, "\(place)")
    }
  }

  /// A cache with entries as ldconfig(8) writes them.
  private static func cache(_ entries: [(name: String, path: String, flags: UInt32)]) -> Data {
    var (table, strings) = (Data(), Data())
    let start = 48 + 24 * entries.count
    func number(_ value: some FixedWidthInteger) -> Data { withUnsafeBytes(of: value) { Data($0) } }
    for entry in entries {
      let places = [entry.name, entry.path].map { text in
        defer { strings += Data(text.utf8) + [0] }
        return UInt32(start + strings.count)
      }
      table += number(entry.flags) + number(places[0]) + number(places[1]) + number(UInt32(0)) + number(UInt64(0))
    }
    return Data("glibc-ld.so.cache1.1".utf8) + number(UInt32(entries.count)) + number(UInt32(strings.count))
      + Data(repeating: 0, count: 20) + table + strings
  }

  @Test func theCacheHasAllAnswersForAName() throws {
    let data = Self.cache([("liba.so.1", "/x/liba.so.1", 0x303), ("libb.so", "/b", 3), ("liba.so.1", "/y", 0x303)])
    let cache = try #require(LoaderCache(data))
    #expect(cache.entries.map(\.name) == ["liba.so.1", "libb.so", "liba.so.1"])
    #expect(cache.entries.map(\.path) == ["/x/liba.so.1", "/b", "/y"])
    #expect(cache.entries.map { $0.condition[0] } == [0x303, 3, 0x303])
    #expect(LoaderCache(Data("ld.so-1.7.0".utf8) + data) == nil)
    for count in 0..<(48 + 3 * 24) { #expect(LoaderCache(data.prefix(count)) == nil, "\(count)") }
  }
}
