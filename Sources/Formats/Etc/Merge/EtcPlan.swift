import FileTrees
import SystemPackage

/// A plan for the /etc of a new deployment that keeps the changes made here.
///
///     let plan = EtcPlan(pristine: deployed, live: etc, new: generation, accounts: accounts)
///     for conflict in plan.conflicts { print(conflict.path) }
///
/// Files that the admin has not touched follow the new generation; files that the admin has changed stay. If both have
/// changed a file in different ways, the admin's version stays in place and the new one is put beside it, as dpkg does
/// with `--force-confold`: a service that worked with the admin's file must come up after the next boot.
public struct EtcPlan: Hashable, Sendable {
  /// The end of the name of a new version that lies beside the admin's.
  ///
  /// Programs that read whole directories skip `.dpkg-dist` (apt.conf(5) Dir::Ignore-Files-Silently, logrotate(8)
  /// tabooext, grub-mkconfig, systemd's generators), and people look for it. dpkg itself makes and removes the name
  /// without `.ast`.
  public static let asideSuffix = ".ast.dpkg-dist"

  /// The decision about each path, in the order of paths; directories come before their contents.
  public let decisions: [EtcDecision]
  /// The steps, in this order.
  public let steps: [EtcStep]

  /// Plans for three trees, each the directory /etc: as the running deployment was made, as it is, and as the new
  /// generation has it. `accounts` has the merged contents of the account files, which are ignored in the trees.
  ///
  /// - Parameter identity: the side that provides the machine's own files (``MachineFile``): `live` for a deployment,
  ///   `new` for a root that other machines may get.
  public init(
    pristine: FileNode, live: FileNode, new: FileNode, accounts: AccountFiles, mode: EtcMode = .merge,
    identity: Side = .live
  ) {
    // Changes that are left behind count as not made.
    let base = mode == .fresh ? live : pristine
    let merge = EtcMerge(ThreeWay(base, live, new), accounts: accounts.contents, identity: identity)
    decisions = merge.decisions.inOrder { $0.path }
    steps = Self.steps(from: new.entries(.new, at: "", from: ""), to: merge.entries)
  }

  /// The paths that the administrator has to look at.
  public var conflicts: [EtcDecision] { decisions.filter { $0.verdict == .conflict } }

  /// Removes first, so that other files can be put there; then makes directories before their contents.
  private static func steps(from old: [FilePath: EtcEntry], to new: [FilePath: EtcEntry]) -> [EtcStep] {
    let isReplaced = { (path: FilePath) in
      new[path].map { ($0.content == .directory) != (old[path]?.content == .directory) } ?? true
    }
    let removed = Set(old.keys.filter(isReplaced))
    let topmost = removed.filter { !removed.contains($0.removingLastComponent()) }
    let removes = topmost.inOrder { $0 }.map(EtcStep.remove)
    let puts = new.inOrder { $0.key }.compactMap { path, entry -> EtcStep? in
      guard let present = old[path], present.content == entry.content else { return .put(path, entry) }
      return present.attributes == entry.attributes ? nil : .setAttributes(path, entry.attributes)
    }
    return removes + puts
  }
}

extension Sequence {
  /// Orders paths by their bytes, component by component: directories before their contents.
  func inOrder(of path: (Element) -> FilePath) -> [Element] {
    let keyed = map { element in
      // Names do not contain NUL, and NUL sorts before everything.
      (key: path(element).bytes.map { $0 == UInt8(ascii: "/") ? 0 : $0 }, element: element)
    }
    return keyed.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.element)
  }
}

extension FilePath {
  /// The path, which need not be text.
  var bytes: [UInt8] { withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: length)) } }
}

extension FileNode {
  /// This node and all below it, as entries of the result at `path`, whose files are copied from `source` of a side.
  func entries(_ side: Side, at path: FilePath, from source: FilePath) -> [FilePath: EtcEntry] {
    var result: [FilePath: EtcEntry] = [:]
    add(to: &result, side, at: path, from: source)
    return result
  }

  /// The same, added to other entries. Each is handed on once, however deep it is.
  private func add(to result: inout [FilePath: EtcEntry], _ side: Side, at path: FilePath, from source: FilePath) {
    let content: EtcEntry.Content =
      switch self.content {
      case .file: .copy(side, source)
      case .link(let target): .link(target: target)
      case .special(let type, let device): .special(type: type, device: device)
      case .directory: .directory
      }
    result[path] = EtcEntry(content: content, attributes: attributes)
    for (name, child) in children ?? [:] {
      child.add(to: &result, side, at: path.appending(name), from: source.appending(name))
    }
  }
}
