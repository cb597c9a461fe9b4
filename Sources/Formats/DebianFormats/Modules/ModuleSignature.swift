/// The signature of a kernel module, as the kernel's own `scripts/sign-file` appends it (include/linux/module_signature.h).
public enum ModuleSignature {
  /// The hashes that kernels are built with (`CONFIG_MODULE_SIG_HASH`) and that this ast signs with.
  public static let hashes = ["sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"]

  /// What is appended to a module.
  ///
  /// - Parameter message: the PKCS#7 message, in DER, with neither the module nor certificates in it.
  public static func trailer(for message: [UInt8]) -> [UInt8] {
    // The algorithm and the hash are said in the message; 2 is PKEY_ID_PKCS7. No name of a signer, no key identifier, and
    // three bytes of padding.
    let description: [UInt8] = [0, 0, 2, 0, 0, 0, 0, 0]
    let length = UInt32(message.count)
    return message + description + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + marker
  }

  /// Whether a file that begins so can be a kernel module: an object file in ELF that is not linked yet. Nothing else
  /// gets a signature.
  public static func isModule(_ beginning: some Collection<UInt8>) -> Bool {
    let bytes = Array(beginning.prefix(18))
    guard bytes.count == 18, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return false }
    // e_ident[EI_DATA]: the order of the bytes of what follows. e_type is ET_REL (elf(5)).
    switch bytes[5] {
    case 1: return bytes[16] == 1 && bytes[17] == 0
    case 2: return bytes[16] == 0 && bytes[17] == 1
    default: return false
    }
  }

  private static let marker = Array("~Module signature appended~\n".utf8)
}
