import CSandbox
import SystemPackage

extension Sandbox {
  /// Runs a program in the sandbox and waits until it and everything it started have ended.
  ///
  /// A first word without a slash is looked up in the `PATH` of ``environment``, inside. The program gets umask 022, the caller's
  /// resource limits and niceness, default signal dispositions (what the caller ignores of SIGHUP, SIGINT and SIGQUIT stays ignored) and an empty
  /// signal mask.
  ///
  /// Only throws if the program could not be started: ``SandboxError/status`` distinguishes a missing program from one
  /// that exits with 127.
  /// Missing mount points that were made for the run are removed in any case.
  public func run(
    _ command: [String], on streams: StandardStreams = .attended, until cancellation: Cancellation? = nil
  ) throws(SandboxError) -> SandboxResult {
    guard let program = command.first, !program.isEmpty else {
      throw SandboxError(step: .execute, path: nil, errno: .noSuchFileOrDirectory)
    }
    var result = sandbox_result()
    defer { sandbox_result_free(&result) }
    defer { withExtendedLifetime(cancellation) {} }
    let group = try controlGroup()
    defer { group?.remove() }
    let (status, binds) = try withPlan(in: group, binding: &result) { plan, strings, result in
      plan.arguments = UnsafePointer(strings.list(command))
      plan.environment = UnsafePointer(strings.list(environment.map { "\($0.key)=\($0.value)" }.sorted()))
      plan.streams = streams.descriptors
      plan.cancellation = cancellation?.event.rawValue ?? -1
      plan.attended = streams.isAttended ? 1 : 0
      return sandbox_run(&plan, &result)
    }
    let placeholders = Placeholder.all(of: result)
    Placeholder.remove(placeholders, below: root)
    let reached = group?.reached ?? []
    guard status == 0 else {
      let error = SandboxError(result)
      // The kernel kills the first process when it has nothing else to kill: for files in /tmp, perhaps.
      let isOut = error.step == .attend && reached.contains(.memory)
      throw isOut ? SandboxError(step: .attend, path: nil, errno: .noMemory) : error
    }
    return SandboxResult(
      end: ProgramEnd(waitStatus: result.wait_status),
      interruption: result.interruption == 0 ? nil : result.interruption,
      reachedLimits: reached,
      skippedBinds: binds,
      placeholders: placeholders.map(\.path))
  }

  /// Makes the control group of a run; nil if it has none.
  func controlGroup() throws(SandboxError) -> ControlGroup? {
    guard let parent = limits.parent else { return nil }
    return try ControlGroup(of: limits, in: parent)
  }

  /// Calls `body` with everything but the program and its streams, and returns what it returns, and the binds that were
  /// left out.
  func withPlan(
    in group: ControlGroup?, binding result: inout sandbox_result,
    _ body: (inout sandbox_plan, CStrings, inout sandbox_result) -> CInt
  ) throws(SandboxError) -> (status: CInt, skipped: [SandboxResult.SkippedBind]) {
    let namespace: FileDescriptor?
    if case .joined(let own) = network { namespace = try own.namespace } else { namespace = nil }
    let strings = CStrings()
    // A network of its own ends with the last reference to it.
    defer { withExtendedLifetime((strings, network)) {} }
    var binds = binds.map {
      sandbox_bind(
        source: strings.copy($0.source.string), target: strings.copy($0.target.string),
        read_only: $0.isReadOnly ? 1 : 0, skipped: 0)
    }
    if !startsServices {
      binds.append(
        sandbox_bind(source: nil, target: strings.copy(Self.servicePolicy.string), read_only: 1, skipped: 0))
    }
    let status = binds.withUnsafeMutableBufferPointer { binds in
      var plan = sandbox_plan()
      plan.root = UnsafePointer(strings.copy(root.string))
      plan.working_directory = UnsafePointer(strings.copy(workingDirectory.string))
      plan.transaction = transaction.map { UnsafePointer(strings.copy("\($0)\n")) }
      plan.binds = binds.baseAddress
      plan.bind_count = binds.count
      plan.cancellation = -1
      plan.isolated_network = network == .isolated ? 1 : 0
      plan.network = namespace?.rawValue ?? -1
      plan.control_group = group?.directory.rawValue ?? -1
      plan.process_ids = group?.limitsTasks == true ? 0 : CInt(clamping: limits.tasks ?? 0)
      plan.suppress_sync = suppressesSync ? 1 : 0
      return body(&plan, strings, &result)
    }
    return (
      status,
      binds.filter { $0.skipped != 0 }.map {
        .init(target: FilePath(String(cString: $0.target)), reason: Errno(rawValue: $0.skipped))
      }
    )
  }
}
