import SystemPackage

/// The checkout that the tests were built from.
public enum Checkout {
  /// Its top directory.
  public static let directory = FilePath(#filePath)
    .removingLastComponent().removingLastComponent().removingLastComponent().removingLastComponent()

  /// The directory of the manual pages.
  public static let manual = directory.appending("man")
}
