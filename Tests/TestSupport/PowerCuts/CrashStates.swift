import Glibc
import SystemPackage

/// Builds the disk as each power cut leaves it, in the order of the log, and mounts it.
package struct CrashStates {
  private let recording: Recording
  private let scratch: ScratchDirectory
  /// The disk with all entries that are durable.
  private let settled: ImageFile
  package init(of recording: Recording, in scratch: ScratchDirectory) throws {
    self.recording = recording
    self.scratch = scratch
    settled = try ImageFile(at: scratch.file("settled"))
    try settled.copy(recording.before)
  }

  /// The disk at `point`. Points must be given in their order.
  ///
  /// Each state has its own file, because mounting writes to it, and because a mount namespace that is made meanwhile
  /// keeps the file system alive, and writing, after it was unmounted here.
  package func disk(at point: CrashPoint) throws -> ImageFile {
    for entry in point.settled { try settled.apply(recording.log.entries[entry], from: recording.logFile) }
    let path = scratch.file("state")
    unlink(path.string)
    let state = try ImageFile(at: path)
    try state.copy(settled)
    for entry in point.survivors { try state.apply(recording.log.entries[entry], from: recording.logFile) }
    return state
  }

  /// The problems that `check` finds in the file system at `point`. A failure to mount it is a problem, not an error.
  package func problems(at point: CrashPoint, check: (CrashState) throws -> [String]) throws -> [String] {
    let disk = try disk(at: point)
    // Kernels before 6.8 remember unmounted devices and refuse an older state of the same file system on another one.
    try runSuccessfully(["btrfs", "device", "scan", "--forget"])
    let mount = try run(["mount", "-t", "btrfs", "-o", "loop", disk.path.string, scratch.mountPoint.string])
    guard mount.status == 0 else { return ["does not mount: \(mount.stderr)"] }
    let crash = CrashState(
      mountPoint: scratch.mountPoint, returned: point.returned, commandCount: recording.commandCount)
    let problems = Result { try check(crash) }
    try scratch.unmount()
    switch problems {
    case .success(let problems): return problems
    case .failure(let error): return ["\(error)"]
    }
  }
}
