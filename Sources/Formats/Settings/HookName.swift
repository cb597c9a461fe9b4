/// The names of programs that an administrator puts into a directory for ast to run.
package enum HookName {
  /// Whether run-parts(8) would run a program of this name: it has ASCII letters, digits, "_" and "-" only, which leaves
  /// out the remains of editors and package managers.
  package static func isValid(_ name: String) -> Bool {
    !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
  }
}
