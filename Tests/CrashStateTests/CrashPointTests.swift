import TestSupport
import Testing

/// A log of one-sector writes: `w` a write, `u` one that is durable on its own, `f` a flush, `F` a flush with a write.
private func log(_ requests: String) throws -> WriteLog {
  var bytes = [UInt8](repeating: 0, count: 512)
  bytes.replaceSubrange(0..<7, with: [0x72, 0x68, 0x73, 0x77, 0x66, 0x73, 0x6a])
  bytes[8] = 1
  bytes[25] = 2
  for (number, request) in requests.enumerated() {
    var header = [UInt8](repeating: 0, count: 512)
    header[0] = UInt8(number)
    header[8] = request == "f" ? 0 : 1
    header[16] = ["w": 0, "u": 2][request] ?? 1
    bytes += header + [UInt8](repeating: UInt8(number), count: Int(header[8]) * 512)
  }
  return try WriteLog(size: Int64(bytes.count)) { Array(bytes[Int($0)..<Int($0) + $1]) }
}

@Suite struct CrashPointTests {
  //                                 0123456789
  private static let requests = "wwfwuwfwFw"

  @Test func aPrefixHasEverythingUpToAFlushAndNothingSince() throws {
    let (points, candidates) = try CrashPoint.all(
      in: log(Self.requests), marks: [2, 3, 5, 8, 10], cut: .prefix, seed: 1, limit: 99)
    #expect(candidates == 4)
    #expect(
      points == [
        .init(entry: 0, settled: [], survivors: [], returned: 1),
        // Entry 4 is durable by itself: once it is complete, this state cannot occur any more.
        .init(entry: 2, settled: [0, 1], survivors: [], returned: 2),
        .init(entry: 6, settled: [3, 4, 5], survivors: [], returned: 4),
        .init(entry: 8, settled: [7], survivors: [], returned: 5),
      ])
  }

  @Test func aSubsetHasEverythingUpToAFlushAndSomeOfWhatCameSince() throws {
    let parsed = try log(Self.requests)
    var seen: [Set<[Int]>] = [[], [], [], []]
    for seed in 0..<200 as Range<UInt64> {
      let points = CrashPoint.all(in: parsed, marks: [2, 3, 5, 8, 10], cut: .subset, seed: seed, limit: 99).points
      #expect(points.map(\.entry) == [2, 6, 8, 10])
      #expect(points.map(\.settled) == [[], [0, 1], [3, 4, 5], [7]])
      #expect(points.map(\.returned) == [1, 3, 4, 5])
      for (number, point) in points.enumerated() { seen[number].insert(point.survivors) }
    }
    #expect(
      seen == [
        [[], [0], [1], [0, 1]], [[4], [3, 4], [4, 5], [3, 4, 5]], [[], [7]], [[], [8], [9], [8, 9]],
      ])
  }

  @Test func aStateIsTheSameHoweverManyAreBuilt() throws {
    let parsed = try log(String(repeating: "wwwf", count: 40))
    let all = CrashPoint.all(in: parsed, marks: [], cut: .subset, seed: 7, limit: 99).points
    let (some, candidates) = CrashPoint.all(in: parsed, marks: [], cut: .subset, seed: 7, limit: 5)
    #expect(candidates == 40)
    #expect(some.map { $0.entry / 32 } == [0, 1, 2, 3, 4])
    for point in some {
      #expect(all.contains { $0.entry == point.entry && $0.survivors == point.survivors })
      let before = some.filter { $0.entry <= point.entry }.flatMap(\.settled)
      #expect(before == all.filter { $0.entry <= point.entry }.flatMap(\.settled))
    }
  }

  @Test func aLyingDiskLosesAQuarterOfTheWritesForGood() throws {
    let parsed = try log(String(repeating: "wwwf", count: 250).prefix(250).description)
    let points = CrashPoint.all(in: parsed, marks: [], cut: .lying, seed: 3, limit: 9).points
    let settled = points.flatMap(\.settled)
    #expect((120..<160).contains(settled.count))
    #expect(points.flatMap(\.survivors).isEmpty)
  }
}
