/// The statements of a TOML file, in their order.
struct TOMLFile {
  let statements: [TOMLStatement]

  /// Reads a text.
  init(_ text: String) throws(TOMLError) {
    var scanner = TOMLScanner(text)
    var statements: [TOMLStatement] = []
    let names = TOMLNames()
    var table = names
    while let statement = try scanner.statement() {
      switch statement.content {
      case .heading(let path, let isElement):
        guard let next = names.table(path, isElement: isElement) else { throw Self.repeated(path, statement) }
        table = next
      case .entry(let entry):
        guard table.define(entry) else { throw Self.repeated(entry.path, statement) }
      }
      statements.append(statement)
    }
    self.statements = statements
  }

  private static func repeated(_ path: [String], _ statement: TOMLStatement) -> TOMLError {
    TOMLError(
      line: statement.line, column: statement.column, reason: "\(path.joined(separator: ".")) is there already")
  }
}
