/// The file in which GRUB keeps variables (GRUB manual, "GRUB environment block").
public enum EnvironmentBlock {
  /// A block without variables, as grub-editenv(1) makes it: GRUB writes into such a file and never changes its size.
  public static let empty = {
    let header = "# GRUB Environment Block\n"
    return header + String(repeating: "#", count: size - header.utf8.count)
  }()

  /// The size of the file in bytes (`GRUB_ENVBLK_SIZE` of GRUB's util/grub-editenv.c).
  private static let size = 1024
}
