import SystemPackage
import TestSupport

/// Looks at every byte of a store, again and again: a generation that was seen once stays as it is until a command may
/// delete it, and every one has exactly what was written into it.
struct Examination {
  private let furnished: Listing
  private let bare: Listing
  /// The content of each generation that was seen, by node and number.
  private var generations: [Int: [Int: ExpectedStore.Content]] = [:]
  /// The roots of deployments without their /etc.
  private var deployments: [Int: Listing] = [:]

  /// For stores that begin as this one is: node 0 cannot boot, node 1 can.
  init(beginningWith store: FilePath) throws {
    let found = try FoundStore(store)
    func current(_ node: Int) -> FilePath { store.appending("nodes/\(node)/\(found.generations[node]?.max() ?? 0)") }
    bare = try Listing(of: current(0))
    furnished = try Listing(of: current(1))
  }

  /// Notes what is there, and tells what is wrong.
  ///
  /// - Parameter kept: how many of the newest generations of a node must be there.
  mutating func problems(of found: FoundStore, in store: FilePath, keeping kept: Int) throws -> [String] {
    var problems: [String] = []
    for (node, numbers) in found.generations.sorted(by: { $0.key < $1.key }) {
      for number in numbers.sorted() {
        let directory = store.appending("nodes/\(node)/\(number)")
        let content = NodeContent.read(in: directory)
        if let before = generations[node]?[number], before != content {
          problems.append("nodes/\(node)/\(number) was \(before), and is \(content)")
        }
        let wanted = NodeContent.expected(content, on: content.isFurnished ? furnished : bare)
        problems += try Listing(of: directory).differences(from: wanted).map { "nodes/\(node)/\(number): \($0)" }
        generations[node, default: [:]][number] = content
      }
      let seen = generations[node]?.keys.sorted() ?? []
      let missing =
        seen.suffix(kept).filter { !numbers.contains($0) }
        + (found.needed[node] ?? []).filter {
          $0 >= 0 && !numbers.contains($0)
        }
      problems += missing.map { "nodes/\(node)/\($0) is missing" }
      generations[node] = generations[node]?.filter { numbers.contains($0.key) }
    }
    generations = generations.filter { found.nodes[$0.key] != nil }
    for (number, deployment) in found.deployments {
      // The copy beside /etc that a start leaves which was cut short is garbage until this deployment starts again.
      let listing = try Listing(of: store.appending("deploy/\(number)/root"), without: ["etc", "etc.new"])
      if let before = deployments[number] {
        problems += listing.differences(from: before).map { "deploy/\(number)/root: \($0)" }
      } else if let content = generations[deployment.node]?[deployment.generation] {
        let wanted = NodeContent.expected(content, on: content.isFurnished ? furnished : bare)
        problems += wanted.entries.filter { !$0.key.hasPrefix("etc") && listing.entries[$0.key] != $0.value }.keys.map {
          "deploy/\(number)/root has not the \($0) of its generation"
        }
      }
      deployments[number] = listing
    }
    return problems
  }
}
