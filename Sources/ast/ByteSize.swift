import ArgumentParser

/// A size on the command line: a number of bytes, or one with K, M, G or T behind it (powers of 1024).
struct ByteSize: ExpressibleByArgument {
  let bytes: Int64

  init(bytes: Int64) { self.bytes = bytes }

  init?(argument: String) {
    let units: [Character: Int64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let count = Int64(unit == nil ? argument[...] : argument.dropLast()), count > 0 else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.bytes = bytes
  }

  var defaultValueDescription: String { "10G" }
}
