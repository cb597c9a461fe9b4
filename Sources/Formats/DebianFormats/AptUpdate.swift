/// What `apt-get update` has fetched and what it has not, by its report on each file (`AcqTextStatus` in
/// apt-private/acqprogress.cc) and its errors. The errors do not name every source: one without an index hides those
/// that are down. The report does not name an index that is too old, or of a method that apt does not have.
public struct AptUpdate: Sendable, Equatable {
  /// A source that could not be fetched, or not all of it.
  public struct Failure: Sendable, Equatable {
    /// The address and the suite, as apt names them.
    public let source: String
    /// What apt says about it.
    public let reason: String

    /// A failure.
    public init(source: String, reason: String) {
      self.source = source
      self.reason = reason
    }

    /// Whether the source is a directory or a list of mirrors on the node's own disk.
    public var isLocal: Bool { AptUpdate.localMethods.contains { source.hasPrefix($0) } }
  }

  /// The sources that could not be fetched, in the order of the report.
  public let failures: [Failure]
  /// Whether some other source was.
  public let isPartial: Bool

  /// Reads the standard output of `apt-get -q=1 update` (apt-get(8)): for each file a line such as
  /// `Err:3 http://example.org/debian trixie InRelease`, and after an error its reasons, indented.
  ///
  /// The apt is the node's own: the time this takes grows with the length of the output, and no faster.
  ///
  /// - Parameter said: its standard error.
  public init(_ output: String, said: String = "") {
    var sources: [String] = []
    // What was said last about a file counts: it is tried again, or in another compression. Nil is no failure.
    var reasons: [String: String?] = [:]
    var last: String?
    for line in output.split(separator: "\n") {
      if line.hasPrefix("  "), let last, reasons[last] == "" {
        reasons[last] = String(line.dropFirst(2).prefix(Self.longest))
      }
      guard let report = Self.report(line) else { continue }
      last = report.file
      let known = reasons[report.file]
      reasons[report.file] = report.isError ? (known ?? nil) ?? "" : .some(nil)
      if known == nil, report.file.hasSuffix(Self.index), report.file.utf8.count > Self.index.utf8.count {
        sources.append(String(report.file.dropLast(Self.index.count)))
      }
    }
    let known = Set(sources)
    var failed: [String: String] = [:]
    for case (let file, let reason?) in reasons.sorted(by: { $0.key < $1.key }) {
      let ends = file.indices.filter { file[$0] == " " || file[$0] == "/" }
      guard let source = ends.reversed().map({ String(file[..<$0]) }).first(where: known.contains) else { continue }
      if failed[source, default: ""].isEmpty { failed[source] = reason }
    }
    var methods: [Failure] = []
    for line in said.split(separator: "\n") where line.hasPrefix("E: ") {
      let words = line.split(separator: " ")
      let reason = String(line.dropFirst(3).prefix(Self.longest))
      if line.hasPrefix("E: Release file for "), let address = words.dropFirst(4).first {
        let source = sources.first { address.hasPrefix(Self.place(of: $0)) }
        if let source, failed[source] == nil { failed[source] = reason }
      } else if line.hasPrefix("E: The method driver "), words.count > 4,
        let method = words[4].split(separator: "/").last
      {
        methods.append(Failure(source: "\(method):", reason: reason))
      }
    }
    failures =
      methods
      + sources.compactMap { source in
        failed[source].map { Failure(source: source, reason: $0.isEmpty ? "apt gave no reason" : $0) }
      }
    isPartial = !failures.isEmpty && sources.contains { failed[$0] == nil }
  }

  /// The beginning of the address of a source's index (sources.list(5)).
  private static func place(of source: String) -> String {
    guard let gap = source.lastIndex(of: " ") else { return source }
    let (address, suite) = (source[..<gap], source[source.index(after: gap)...])
    return "\(address)\(address.hasSuffix("/") ? "" : "/")\(suite.hasSuffix("/") ? "\(suite)" : "dists/\(suite)/")"
  }

  /// The file that a line reports on, and whether it could not be fetched.
  private static func report(_ line: Substring) -> (file: String, isError: Bool)? {
    guard let word = line.split(separator: " ", maxSplits: 1).first, word.count < line.count,
      let mark = marks.first(where: word.hasPrefix), line.utf8.count <= longest
    else { return nil }
    // What is fetched has its size behind its name.
    let rest = line.dropFirst(word.count + 1)
    let size = mark == "Get:" && rest.hasSuffix("]") ? rest.ranges(of: " [").last : nil
    return (String(rest[..<(size?.lowerBound ?? rest.endIndex)]), mark == "Err:")
  }

  /// The beginnings of sources that are on the node's own disk.
  static let localMethods = ["file:", "copy:", "mirror+file:", "mirror+copy:"]

  private static let marks = ["Hit:", "Get:", "Ign:", "Err:"]
  private static let index = " InRelease"
  /// The length of a line that is read, in bytes, and of a reason that is kept.
  private static let longest = 1000
}
