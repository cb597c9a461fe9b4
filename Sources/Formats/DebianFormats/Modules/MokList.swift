/// The keys that shim knows beside its own, or is asked to learn: lists of signatures (UEFI specification, "Signature
/// Database").
public struct MokList: Sendable {
  private let certificates: [[UInt8]]

  /// Reads the value of one of shim's variables. What is not a list of certificates is skipped; reading ends at the first
  /// list that is damaged.
  public init(_ bytes: [UInt8]) {
    var certificates: [[UInt8]] = []
    var rest = bytes[...]
    while rest.count >= Self.header {
      let isX509 = rest.prefix(16).elementsEqual(Self.x509)
      let sizes = [16, 20, 24].map { Self.number(rest.dropFirst($0)) }
      let (size, before, each) = (sizes[0], Self.header + sizes[1], sizes[2])
      guard size <= rest.count, before <= size, each > 16 else { break }
      var entries = rest.prefix(size).dropFirst(before)
      while isX509, entries.count >= each {
        // Its first 16 bytes say who has entered it.
        certificates.append(Array(entries.prefix(each).dropFirst(16)))
        entries = entries.dropFirst(each)
      }
      rest = rest.dropFirst(size)
    }
    self.certificates = certificates
  }

  /// Whether a certificate, in DER, is in it.
  public func contains(_ certificate: [UInt8]) -> Bool { certificates.contains(certificate) }

  private static let header = 28
  /// EFI_CERT_X509_GUID, a5c059a1-94e4-4aa7-87b5-ab155c2bf072.
  private static let x509: [UInt8] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
  ]

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
