import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport

/// What one turn cost.
struct Sample: Encodable {
  /// Seconds by the clock.
  var wall = 0.0
  /// Seconds of processors: of the program and of those that it has waited for.
  var processor = 0.0
  /// How often the disk had to write out what it holds in its cache.
  var flushes = 0
  /// The bytes that went to the disk.
  var written = 0
  /// The bytes by which the file system has grown, where a way measures it.
  var grown: Int64?

  static func + (left: Sample, right: Sample) -> Sample {
    Sample(
      wall: left.wall + right.wall, processor: left.processor + right.processor,
      flushes: left.flushes + right.flushes, written: left.written + right.written)
  }
}

/// The disk of the benchmarks, whose counters tell what a turn made it do.
struct Disk {
  private let counters: FilePath

  /// The disk that is mounted at `root`.
  ///
  /// - Throws: `Refusal` if it cannot be found.
  init(mountedAt root: FilePath) throws {
    let source = try run(["findmnt", "--noheadings", "--output", "SOURCE", "--nofsroot", root.string]).stdout
    guard let name = FilePath(source.filter { !$0.isWhitespace }).lastComponent else {
      throw Refusal("nothing is mounted at \(root)")
    }
    counters = FilePath("/sys/class/block").appending(name).appending("stat")
  }

  /// Adds what the disk did during `body`.
  func counting(_ body: () throws -> Sample) throws -> Sample {
    let before = try read()
    var sample = try body()
    let after = try read()
    sample.written = (after.sectors - before.sectors) * 512
    sample.flushes = after.flushes - before.flushes
    return sample
  }

  /// The 7th and the 16th number (Documentation/block/stat.rst of Linux).
  private func read() throws -> (sectors: Int, flushes: Int) {
    let numbers = try String(contentsOfFile: counters.string, encoding: .utf8).split(separator: " ")
      .compactMap { Int($0.filter(\.isNumber)) }
    guard numbers.count > 15 else { throw Refusal("\(counters) has no number of flushes") }
    return (numbers[6], numbers[15])
  }
}
