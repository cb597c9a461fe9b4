import SystemPackage

/// The disk before a scenario's commands, everything written to it since, and the disk at the end.
package struct Recording {
  package let before: ImageFile
  package let after: ImageFile
  package let logFile: ImageFile
  package let log: WriteLog
  /// For each command, how many entries the log had when it had returned.
  package let marks: [Int]
  package let commandCount: Int

  /// Makes the file system, prepares it and runs the commands. Throws ``CommandFailure`` if one of them fails.
  package init(of scenario: Scenario, in scratch: ScratchDirectory) throws {
    let mountPoint = scratch.mountPoint
    before = try ImageFile(at: scratch.file("before"), size: scenario.size)
    try runSuccessfully(["mkfs.\(scenario.fileSystem)", "-q", before.path.string])
    try runSuccessfully(["mount", "-t", scenario.fileSystem, "-o", "loop", before.path.string, mountPoint.string])
    try scenario.prepare(mountPoint)
    try scratch.unmount()

    after = try ImageFile(at: scratch.file("after"))
    try after.copy(before)
    let logFile = try ImageFile(at: scratch.file("log"))
    let disk = try LoggedDisk(image: after, log: logFile, of: scenario.fileSystem, in: scratch)
    let commands = try scenario.commands(mountPoint)
    let places = try commands.map { argv in
      try runSuccessfully(argv, environment: scenario.environment, in: mountPoint)
      return try disk.mark()
    }
    try disk.stop()

    let log = try WriteLog(size: logFile.size()) { try logFile.read(at: $0, count: $1) }
    self.logFile = logFile
    self.log = log
    marks = places.map { log.count(whenSizeWas: $0) }
    commandCount = commands.count
  }
}
