import CSandbox
import Glibc
import SystemPackage

/// A range of addresses: an address and the number of its first bits that count.
public struct AddressPrefix: Sendable, Hashable {
  /// 4 bytes of IPv4, or 16 of IPv6.
  let bytes: [UInt8]
  /// The number of bits.
  let length: Int

  /// One address, as inet_pton(3) reads it; nil for anything else.
  public init?(_ text: String) {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      guard inet_pton(family, text, &bytes) == 1 else { continue }
      (self.bytes, length) = (bytes, 8 * count)
      return
    }
    return nil
  }

  init(_ prefix: sandbox_prefix) {
    bytes = withUnsafeBytes(of: prefix.address) { Array($0.prefix(Int32(prefix.family) == AF_INET ? 4 : 16)) }
    length = Int(prefix.length)
  }

  /// The form C takes it.
  var plain: sandbox_prefix {
    var prefix = sandbox_prefix()
    prefix.family = UInt8(bytes.count == 4 ? AF_INET : AF_INET6)
    prefix.length = UInt8(length)
    withUnsafeMutableBytes(of: &prefix.address) { $0.copyBytes(from: bytes) }
    return prefix
  }

  /// The addresses that are this machine's own: what is sent there does not leave it.
  ///
  /// - Throws: `Errno`.
  public static func own() throws(Errno) -> [AddressPrefix] {
    var prefixes: UnsafeMutablePointer<sandbox_prefix>?
    let count = sandbox_own_prefixes(&prefixes)
    defer { free(prefixes) }
    guard count >= 0 else { throw Errno(rawValue: errno) }
    return UnsafeBufferPointer(start: prefixes, count: count).map(AddressPrefix.init)
  }
}
