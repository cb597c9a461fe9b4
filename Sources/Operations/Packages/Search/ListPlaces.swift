import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The places of the entries in a list: a file beside it, in which an entry is found with a few reads.
///
/// It has pairs of numbers of 64 bits: a hash of the value by which entries are found, and the place of the entry, in the
/// order of the hashes. The first pair is the size of the list and the number of the others. A file that does not fit the
/// list, as a power cut can leave it, is not used.
enum ListPlaces {
  /// The name of the file for a list.
  static func name(for list: String) -> String { list + suffix }

  /// Whether a file is one for a list.
  static func isName(_ name: String) -> Bool { name.hasSuffix(suffix) }

  private static let suffix = ".places"

  /// What the file for a list has to be.
  ///
  /// - Parameter value: the value by which the entries are found.
  static func data(of list: ListFile, by value: (ListText.Entry) -> Range<Int>) throws -> Data {
    var places: [(hash: UInt64, place: UInt64)] = []
    var size = 0
    try list.forEachPiece { text, start in
      size = start + text.bytes.count
      text.forEachEntry { entry in
        let value = value(entry)
        if !value.isEmpty { places.append((hash(text[value]), UInt64(start + entry.start))) }
      }
    }
    places.sort { ($0.hash, $0.place) < ($1.hash, $1.place) }
    var data = Data(capacity: (places.count + 1) * width)
    for pair in [(UInt64(size), UInt64(places.count))] + places.map({ ($0.hash, $0.place) }) {
      withUnsafeBytes(of: (pair.0.littleEndian, pair.1.littleEndian)) { data.append(contentsOf: $0) }
    }
    return data
  }

  /// The places of the entries with this value, and of others whose values have the same hash; nil if the file is not one
  /// for a list of this size.
  static func places(of value: String, in file: FileDescriptor, for size: Int64) throws -> [Int64]? {
    guard let (known, count) = try pair(0, in: file), known == UInt64(size),
      count <= UInt64(size), lseek(file.rawValue, 0, SEEK_END) == off_t(count + 1) * off_t(width)
    else { return nil }
    var value = value
    let wanted = value.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    var (low, high) = (1, Int(count) + 1)
    while low < high {
      let middle = (low + high) / 2
      guard let found = try pair(middle, in: file) else { return nil }
      if found.0 < wanted { low = middle + 1 } else { high = middle }
    }
    var places: [Int64] = []
    while low <= Int(count), let found = try pair(low, in: file), found.0 == wanted, found.1 < UInt64(size) {
      places.append(Int64(found.1))
      low += 1
    }
    return places
  }

  private static func pair(_ index: Int, in file: FileDescriptor) throws -> (UInt64, UInt64)? {
    try withUnsafeTemporaryAllocation(byteCount: width, alignment: 8) { buffer in
      guard try file.read(fromAbsoluteOffset: Int64(index * width), into: buffer) == width else { return nil }
      return (
        UInt64(littleEndian: buffer.load(as: UInt64.self)),
        UInt64(littleEndian: buffer.load(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// FNV-1a with 64 bits.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  private static let width = 16
}
