import ArgumentParser
import Settings

/// A size on the command line: a number of bytes, or a number followed by K, M, G or T (powers of 1024).
struct ByteSize: ExpressibleByArgument {
  let bytes: Int64

  init(bytes: Int64) { self.bytes = bytes }

  init?(argument: String) {
    guard let count = ByteCount(argument), count.bytes > 0 else { return nil }
    bytes = count.bytes
  }

  var defaultValueDescription: String { "10G" }
}
