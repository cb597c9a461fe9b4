import Sandbox
import Testing

@Suite struct ProgramEndTests {
  @Test(arguments: [
    (ProgramEnd.exited(0), Int32(0)), (.exited(3), 3), (.exited(255), 255), (.signaled(9), 137), (.signaled(15), 143),
  ])
  func statusIsWhatAShellShows(end: ProgramEnd, status: Int32) {
    #expect(end.status == status)
  }
}
