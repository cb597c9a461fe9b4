import DebianFormats
import Testing

@Suite struct DebianArchitectureTests {
  @Test(arguments: [
    (
      DebianArchitecture.amd64, "linux-image-amd64", ["grub-pc", "grub-efi-amd64"],
      ["grub-pc-bin", "grub-efi-amd64-bin"], "x86_64-efi", "BOOTX64.EFI"
    ),
    (
      DebianArchitecture.arm64, "linux-image-arm64", ["grub-efi-arm64"], ["grub-efi-arm64-bin"], "arm64-efi",
      "BOOTAA64.EFI"
    ),
  ])
  func eachHasItsOwnWayToBoot(
    architecture: DebianArchitecture, kernel: String, loaders: [String], modules: [String], platform: String,
    program: String
  ) {
    #expect(architecture.kernelPackage == kernel)
    #expect(architecture.bootLoaderPackages == loaders)
    #expect(architecture.grubModulePackages == modules)
    #expect(architecture.efiPlatform == platform)
    #expect(architecture.efiProgram == program)
  }
}
