/// A number of bytes as people write it: with K, M, G or T behind it for powers of 1024, or without.
public struct ByteCount: Sendable, Equatable {
  /// The bytes.
  public let bytes: Int64

  /// Reads a size; nil for anything else, for negative numbers, and for more than 64 bits.
  public init?(_ text: String) {
    let units = ["K": Int64(1) << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = text.last.flatMap { units[$0.uppercased()] }
    guard let count = Int64(unit == nil ? text[...] : text.dropLast()), count >= 0 else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.bytes = bytes
  }
}
