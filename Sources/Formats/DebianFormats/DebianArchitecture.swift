/// An architecture of Debian that ast runs on, and what a system needs there to boot.
public enum DebianArchitecture: String, Sendable, CaseIterable {
  case amd64
  case arm64

  /// The architecture that this program is made for.
  public static var current: DebianArchitecture {
    #if arch(arm64)
      .arm64
    #else
      .amd64
    #endif
  }

  /// The package of the standard kernel.
  public var kernelPackage: String { "linux-image-\(rawValue)" }

  /// The packages that make a machine start with GRUB, one for each kind of firmware.
  public var bootLoaderPackages: [String] { (hasBIOS ? ["grub-pc"] : []) + ["grub-efi-\(rawValue)"] }

  /// The packages with Debian's signed boot loader for EFI firmware.
  public var signedLoaderPackages: [String] { ["shim-signed", "grub-efi-\(rawValue)-signed"] }

  /// The packages with the boot loaders of a new system: GRUB's modules for BIOS, and the signed programs for EFI.
  public var loaderFilePackages: [String] { (hasBIOS ? ["grub-pc-bin"] : []) + signedLoaderPackages }

  /// GRUB's name for the platform of EFI firmware.
  public var efiPlatform: String {
    switch self {
    case .amd64: "x86_64-efi"
    case .arm64: "arm64-efi"
    }
  }

  /// The program that EFI firmware starts on a disk that it has no entry for (UEFI specification, 3.5.1.1).
  public var efiProgram: String {
    switch self {
    case .amd64: "BOOTX64.EFI"
    case .arm64: "BOOTAA64.EFI"
    }
  }

  /// What the names of programs for EFI firmware end with: `shimx64.efi`.
  public var efiSuffix: String {
    switch self {
    case .amd64: "x64"
    case .arm64: "aa64"
    }
  }

  /// Whether there are machines that start from a BIOS.
  public var hasBIOS: Bool { self == .amd64 }
}
