/// What a request for a file is answered with (RFC 9110, 13 and 14).
struct HTTPAnswer: Equatable {
  /// What the answer depends on.
  struct File: Equatable {
    let size: Int
    /// As HTTP writes it.
    let modified: String
  }

  let status: Int
  let fields: [String]
  /// The bytes of the file that the answer is about; those of its body, unless the request was a HEAD.
  let content: Range<Int>

  /// The answer; `file` is nil where there is none.
  init(to request: HTTPRequest, for file: File?) {
    guard request.method == "GET" || request.method == "HEAD" else {
      self.init(405, [], 0..<0)
      return
    }
    guard let file else {
      self.init(404, [], 0..<0)
      return
    }
    let facts = ["Last-Modified: \(file.modified)", "Accept-Ranges: bytes"]
    // A client says the date it was told: another one than the file's is that of another file.
    if request.fields["if-modified-since"] == file.modified {
      self.init(304, facts, 0..<0)
    } else if let start = Self.start(request, file) {
      if start < file.size {
        self.init(206, facts + ["Content-Range: bytes \(start)-\(file.size - 1)/\(file.size)"], start..<file.size)
      } else {
        self.init(416, facts + ["Content-Range: bytes */\(file.size)"], 0..<0)
      }
    } else {
      self.init(200, facts, 0..<file.size)
    }
  }

  private init(_ status: Int, _ fields: [String], _ content: Range<Int>) {
    self.status = status
    // A 304 has no body, and a length would be that of the file.
    self.fields = fields + (status == 304 ? [] : ["Content-Length: \(content.count)"])
    self.content = content
  }

  /// Where a range that goes on to the end begins, the only form apt uses; nil where all of the file is wanted.
  private static func start(_ request: HTTPRequest, _ file: File) -> Int? {
    guard let range = request.fields["range"], range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    if let condition = request.fields["if-range"], condition != file.modified { return nil }
    return Int(range.dropFirst("bytes=".count).dropLast())
  }

  /// Status line and fields, with the empty line at the end.
  var head: String {
    (["HTTP/1.1 \(status) \(Self.reasons[status] ?? "")"] + fields + ["", ""]).joined(separator: "\r\n")
  }

  private static let reasons = [
    200: "OK", 206: "Partial Content", 304: "Not Modified", 404: "Not Found", 405: "Method Not Allowed",
    416: "Range Not Satisfiable",
  ]
}
