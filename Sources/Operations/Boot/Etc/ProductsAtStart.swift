import Etc
import FoundationEssentials
import Glibc
import Host
import Sandbox
import SystemPackage

/// The products (``EtcProduct``) of files in /etc that came along to a deployment after it was made.
///
/// The cache of shared libraries is made at once, in the directory that becomes /etc, and once more if some are in the
/// data of the machine. The others are noted there, and
/// made by `boot-products` when the system is up: a note goes when its product is there.
public struct ProductsAtStart {
  private static let notes: OpenDirectory.Name = ".ast"
  private static let note: OpenDirectory.Name = "products"
  private static let largest: Int64 = 1 << 16

  /// The root of the deployment.
  private let root: FilePath

  /// The deployment whose root is at `root`.
  public init(of root: FilePath = "/") {
    self.root = root
  }

  /// Makes or notes the products that these steps have affected in `made`, the directory that becomes /etc.
  ///
  /// - Returns: remarks for the administrator.
  func prepare(after steps: [EtcStep], in made: OpenDirectory) throws -> [String] {
    let affected = try EtcProduct.all.filter { try $0.isAffected(by: steps) && canBeMade($0, with: made) }
    // Libraries in data that are not mounted yet are found when they are.
    let hasData = try !LibraryPlaces(namedIn: made).isEmpty
    let later = affected.filter { $0 != .libraries || hasData }
    if !later.isEmpty { try write(Self.pending(in: made) + later, into: made) }
    guard affected.contains(.libraries) else { return [] }
    do {
      try makeLibraries(for: made)
      return []
    } catch {
      return ["\(EtcProduct.libraries.name) was not made anew (`ldconfig` makes it): \(AstError(error).reason)"]
    }
  }

  /// Whether the system has what this product needs, with `etc` in place of its /etc.
  func canBeMade(_ product: EtcProduct, with etc: OpenDirectory) throws -> Bool {
    let top = try OpenDirectory(root)
    return try product.needed.allSatisfy { path in
      path.starts(with: "/etc")
        ? try etc.has(FilePath(root: nil, path.components.dropFirst()))
        : try top.has(FilePath(root: nil, path.components))
    }
  }

  /// Runs the deployment's ldconfig(8) where the new directory stands for /etc. The process has its own mounts.
  private func makeLibraries(for etc: OpenDirectory) throws {
    var mounts = ChrootMounts()
    defer { mounts.end() }
    let place = try mounts.makePlain(root)
    try mounts.bind(etc.path, at: place.appending("etc"))
    try ChildProcess("chroot", [place.string] + EtcProduct.libraries.command).run()
  }

  /// The products that were noted and are not made yet.
  public var pending: [EtcProduct] {
    get throws { try OpenDirectory(root).directory("etc").map(Self.pending) ?? [] }
  }

  private static func pending(in etc: OpenDirectory) throws -> [EtcProduct] {
    guard let content = try etc.directory(notes)?.contents(of: note, limit: largest) else { return [] }
    return String(decoding: content, as: UTF8.self).split(separator: "\n").compactMap { EtcProduct.named(String($0)) }
  }

  private func write(_ products: [EtcProduct], into etc: OpenDirectory) throws {
    guard let directory = try etc.directory(Self.notes) else {
      throw OpenDirectory.failure("open", etc.path.appending(Self.notes), ENOENT)
    }
    guard !products.isEmpty else { return try directory.remove(Self.note) }
    let text = EtcProduct.all.filter(products.contains).map { "\($0.name)\n" }.joined()
    try directory.replace(Self.note, .init(mode: 0o644)) { try directory.makeFile($0, with: Array(text.utf8)) }
  }

  /// Makes the products that were noted, in the running system. The process has its own mounts, in which the system is
  /// writable.
  ///
  /// - Parameters:
  ///   - progress: called with a sentence before each.
  ///   - messages: where the output of the programs goes.
  /// - Throws: `AstError` if one could not be made; its note stays.
  public func make(showing messages: FileDescriptor, progress: (String) -> Void) throws -> [EtcProduct] {
    guard let etc = try OpenDirectory(root).directory("etc") else { return [] }
    var left = try Self.pending(in: etc)
    let all = left
    if !left.isEmpty, root == "/" { try WritableRoot.make() }
    var failures: [String] = []
    for product in all {
      progress("making \(product.name) anew")
      do {
        try process(product).run(showing: messages)
        left.removeAll { $0 == product }
        try write(left, into: etc)
        failPoint("product made")
      } catch {
        try Interruption.check()
        failures.append("\(product.name): \(AstError(error).reason)")
      }
    }
    guard failures.isEmpty else {
      throw AstError(
        .failed, "not made anew: \(failures.joined(separator: "; "))",
        hint: "`systemctl restart ast-products` tries it again")
    }
    return all
  }

  private func process(_ product: EtcProduct) -> ChildProcess {
    guard root == "/" else { return ChildProcess("chroot", [root.string] + product.command) }
    return ChildProcess(product.command[0], Array(product.command.dropFirst()))
  }
}

extension OpenDirectory {
  /// Whether there is something at a path below this directory. No link is followed.
  func has(_ path: FilePath) throws -> Bool {
    guard let name = path.lastComponent else { return true }
    return try directory(at: path.removingLastComponent())?.status(of: name) != nil
  }
}
