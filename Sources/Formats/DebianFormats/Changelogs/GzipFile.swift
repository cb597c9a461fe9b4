internal import CZlib

/// A file that gzip(1) has compressed.
public enum GzipFile {
  /// The first bytes of the content, at most `limit`; nil if the file is not of that kind, or damaged before the limit
  /// is reached.
  public static func content(of file: [UInt8], limit: Int) -> [UInt8]? {
    var stream = z_stream()
    guard czlib_begin_gzip(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = file
    var isWhole = false
    let content = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(clamping: input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(clamping: limit)
        var result = inflate(&stream, Z_NO_FLUSH)
        // A file can have more than one part, and anything behind them.
        while result == Z_STREAM_END, stream.avail_in > 1, stream.next_in[0] == 0x1f, stream.next_in[1] == 0x8b,
          stream.avail_out > 0, inflateReset(&stream) == Z_OK
        {
          result = inflate(&stream, Z_NO_FLUSH)
        }
        isWhole = result == Z_STREAM_END || stream.avail_out == 0
        count = limit - Int(stream.avail_out)
      }
    }
    return isWhole ? content : nil
  }
}
