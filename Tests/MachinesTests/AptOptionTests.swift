import Testing

@testable import Machines

@Suite struct AptOptionTests {
  @Test(arguments: [
    ("Acquire::Check-Valid-Until=false", "Acquire::Check-Valid-Until \"false\";"),
    ("Acquire::http::Proxy=http://a:3142/?x=1", "Acquire::http::Proxy \"http://a:3142/?x=1\";"),
    ("Acquire::Languages=", "Acquire::Languages \"\";"), ("A::B::=it's so", "A::B:: \"it's so\";"),
  ])
  func optionIsWrittenAsAptReadsIt(text: String, line: String) {
    #expect(AptOption(text)?.line == line)
    #expect(AptOption(text)?.arguments == ["-o", text])
  }

  @Test(arguments: ["", "=", "=x", "Acquire::Retries", "A b=c", "A=\"c\"", "A=b\nC=d", "A;B=c", "Ä=b"])
  func anythingElseIsNone(text: String) { #expect(AptOption(text) == nil) }
}
