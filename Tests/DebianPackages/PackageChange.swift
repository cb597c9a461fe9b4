/// A change of packages, which ast makes in a node and apt in a plain Debian.
enum PackageChange {
  case install([String])
  case upgrade
  case purge([String])
}

/// How a change ended.
struct WayEnd {
  let isGood: Bool
  /// What apt, dpkg and the packages printed.
  let output: String
  /// Why it failed.
  let reason: String
}

/// Why a course cannot go on.
struct Failure: Error, CustomStringConvertible {
  let description: String
}

extension WayEnd {
  /// Throws unless it went well.
  func expectSuccess() throws {
    guard isGood else { throw Failure(description: reason) }
  }

  /// The lines that complain, each once, with every number replaced: the same complaint has other numbers each time.
  var complaints: Set<String> {
    let words = [
      "not permitted", "denied", "read-only", "not implemented", "no such", "cannot", "can't", "could not", "failed",
      "error", "unable", "invalid", "warning",
    ]
    let lines = output.split(whereSeparator: { $0.isNewline }).filter { line in
      // apt lists packages in lines that are indented.
      let text = line.lowercased()
      return !line.hasPrefix(" ") && words.contains { text.contains($0) }
    }
    return Set(lines.map { String($0).replacing(#/[0-9]+/#, with: "N") })
  }

  /// The complaints that a wall around a node can cause.
  var walls: [String] {
    let words = ["not permitted", "denied", "read-only file system", "not implemented"]
    return complaints.filter { line in words.contains { line.lowercased().contains($0) } }.sorted()
  }
}
