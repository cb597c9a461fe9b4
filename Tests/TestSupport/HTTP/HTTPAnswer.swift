/// The answer to a request for a file (RFC 9110, 13 and 14).
struct HTTPAnswer: Equatable {
  /// The properties of the file that the answer depends on.
  struct File: Equatable {
    let size: Int
    /// The date in the form of HTTP.
    let modified: String
  }

  let status: Int
  let fields: [String]
  /// The bytes of the file that the answer is about; those of its body, unless the request was a HEAD.
  let content: Range<Int>

  /// The answer; `file` is nil if it does not exist.
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
    // A client repeats the date it was told: a date other than the file's is that of another file.
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
    // A 304 has no body, and a length would mean that of the file.
    self.fields = fields + (status == 304 ? [] : ["Content-Length: \(content.count)"])
    self.content = content
  }

  /// The start of a range up to the end, the only form that apt uses; nil if the whole file is requested.
  private static func start(_ request: HTTPRequest, _ file: File) -> Int? {
    guard let range = request.fields["range"], range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    if let condition = request.fields["if-range"], condition != file.modified { return nil }
    return Int(range.dropFirst("bytes=".count).dropLast())
  }

  /// The status line and the fields, with the empty line at the end.
  var head: String {
    (["HTTP/1.1 \(status) \(Self.reasons[status] ?? "")"] + fields + ["", ""]).joined(separator: "\r\n")
  }

  private static let reasons = [
    200: "OK", 206: "Partial Content", 304: "Not Modified", 404: "Not Found", 405: "Method Not Allowed",
    416: "Range Not Satisfiable",
  ]
}
