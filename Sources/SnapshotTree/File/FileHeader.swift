/// The first bytes of an SQLite database (https://sqlite.org/fileformat2.html, 1.3).
struct FileHeader {
  static let size = 100
  private static let magic = Array("SQLite format 3\0".utf8)

  /// The size of the file in bytes, as the header records it.
  let fileSize: Int64
  /// `PRAGMA user_version`.
  let version: Int
  /// `PRAGMA application_id`.
  let applicationID: Int32

  /// Whether these can be the first bytes of a database, however few they are.
  static func beginsLikeDatabase(_ bytes: [UInt8]) -> Bool {
    bytes.prefix(magic.count).elementsEqual(magic.prefix(bytes.count))
  }

  /// Nil if there are too few bytes.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= FileHeader.size else { return nil }
    func number(_ offset: Int) -> UInt32 {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    // 65536 does not fit and is written as 1.
    let pageSize = Int64(bytes[16]) << 8 | Int64(bytes[17])
    fileSize = (pageSize == 1 ? 65536 : pageSize) * Int64(number(28))
    version = Int(number(60))
    applicationID = Int32(bitPattern: number(68))
  }
}
