import DebianFormats
import Testing

@Suite struct DebianArchitectureTests {
  @Test(arguments: [
    (
      DebianArchitecture.amd64, "linux-image-amd64", ["grub-pc", "grub-efi-amd64"],
      ["grub-pc-bin", "shim-signed", "grub-efi-amd64-signed"], "x86_64-efi", "BOOTX64.EFI"
    ),
    (
      DebianArchitecture.arm64, "linux-image-arm64", ["grub-efi-arm64"], ["shim-signed", "grub-efi-arm64-signed"],
      "arm64-efi", "BOOTAA64.EFI"
    ),
  ])
  func eachHasItsOwnWayToBoot(
    architecture: DebianArchitecture, kernel: String, loaders: [String], files: [String], platform: String,
    program: String
  ) {
    #expect(architecture.kernelPackage == kernel)
    #expect(architecture.bootLoaderPackages == loaders)
    #expect(architecture.loaderFilePackages == files)
    #expect(architecture.efiPlatform == platform)
    #expect(architecture.efiProgram == program)
  }
}
