internal import SystemPackage

extension FilePath {
  /// The path with `suffix` at the end of its last component. A path can be any bytes, unlike a `String`.
  func adding(_ suffix: String) -> FilePath {
    withPlatformString { characters in
      var bytes: [CChar] = []
      var next = characters
      while next.pointee != 0 {
        bytes.append(next.pointee)
        next += 1
      }
      return FilePath(platformString: bytes + suffix.utf8CString)
    }
  }
}
