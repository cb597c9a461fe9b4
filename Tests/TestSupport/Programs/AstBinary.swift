import Glibc
import SystemPackage

/// The program under test: `ast` as it was built beside the tests, with fail points.
public enum AstBinary {
  /// Its path; `AST_BINARY` names another one.
  public static let path: FilePath = {
    if let given = plainVariable("AST_BINARY") { return FilePath(given) }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let tests = String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return FilePath(tests).removingLastComponent().appending("ast")
  }()

  private static func plainVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
