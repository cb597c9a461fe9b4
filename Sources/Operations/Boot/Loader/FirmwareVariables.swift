import DebianFormats
import FoundationEssentials
import Glibc
import Host
import SystemPackage

/// The variables of EFI firmware, as Linux shows them (efivarfs).
struct FirmwareVariables {
  /// The directory of the variables; it does not exist on a machine that a BIOS has started.
  static let directory: FilePath = "/sys/firmware/efi/efivars"

  private let directory: FilePath

  /// The variables in a directory like that one.
  init(in directory: FilePath = Self.directory) { self.directory = directory }

  /// Whether EFI firmware started the machine, and its variables can be read.
  var arePresent: Bool { access(directory.appending("BootCurrent-\(Self.global)").string, R_OK) == 0 }

  /// Whether the firmware starts signed programs only; nil if it does not say.
  var isSecure: Bool? {
    get throws { try value("SecureBoot", Self.global)?.first.map { $0 == 1 } }
  }

  /// Whether shim has started what has started this machine: it leaves this variable to Linux since version 15.4.
  var haveBeenThroughShim: Bool {
    get throws { try value("SbatLevelRT", Self.shim) != nil }
  }

  /// What shim knows of a certificate, in DER.
  func state(of certificate: [UInt8]) throws -> ModuleKeyReport.State {
    // A list that is too long for a variable goes on in the next one.
    let names = ["MokListRT"] + (1...Self.mostLists).map { "MokListRT\($0)" }
    for name in names {
      guard let list = try value(name, Self.shim) else { break }
      if MokList(list).contains(certificate) { return .known }
    }
    return try value("MokNew", Self.shim).map { MokList($0).contains(certificate) } ?? false ? .requested : .unknown
  }

  private static let mostLists = 32

  /// The entry of the firmware's boot menu that has started the machine; nil if the firmware does not say.
  var current: FirmwareEntry? {
    get throws {
      guard let number = try value("BootCurrent", Self.global), number.count == 2 else { return nil }
      return try entry(Int(number[0]) | Int(number[1]) << 8)
    }
  }

  /// The entries of the firmware's boot menu, in its order.
  var entries: [FirmwareEntry] {
    get throws {
      let order = try value("BootOrder", Self.global) ?? []
      return try stride(from: 0, to: order.count - 1, by: 2).compactMap { place in
        try entry(Int(order[place]) | Int(order[place + 1]) << 8)
      }
    }
  }

  private func entry(_ number: Int) throws -> FirmwareEntry? {
    let digits = String(number, radix: 16, uppercase: true)
    let name = "Boot" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    return try value(name, Self.global).flatMap { FirmwareEntry($0) }
  }

  /// EFI_GLOBAL_VARIABLE of the UEFI specification, and SHIM_LOCK_GUID of shim.
  private static let global = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
  private static let shim = "605dab50-e046-4300-abb6-3dd810dd8b23"

  /// The value of a variable, without the four bytes of its attributes; nil if there is none.
  private func value(_ name: String, _ maker: String) throws -> [UInt8]? {
    // A machine that a BIOS has started has no such directory.
    guard access(directory.string, F_OK) == 0 else { return nil }
    return try RootDirectory(directory).beginning(of: FilePath("/\(name)-\(maker)"), count: 1 << 16)
      .map { Array($0.dropFirst(4)) }
  }
}
