import TestSupport

/// What a store must have, as far as the commands of the campaign have written it. The checks compare it with what is on
/// the disk; nothing here comes from ast.
struct ExpectedStore: Sendable {
  /// The numbers that commands have written into a node; 0 for none.
  struct Content: Hashable, Sendable {
    /// The number written by a program in the node.
    var work = 0
    /// The number written by the editor.
    var settings = 0
    /// Whether the node can boot.
    var isFurnished = false
  }

  struct Node: Equatable, Sendable {
    var parent: Int?
    var description: String
    var content: Content
    /// The content before, which undo restores.
    var previous: Content?
  }

  struct Deployment: Sendable {
    let node: Int
    let content: Content
    var isGood = false
    var isPinned = false
    /// The numbers in the files of its /etc.
    var etc: Etc
    /// The /etc that was merged into it last, and whose it was; nil once it is good.
    var base: (etc: Etc, of: Int)?
    /// What the deployment had in files that the last merge has replaced: it is kept beside them.
    var replaced = Etc()
  }

  /// The nodes by number.
  var nodes: [Int: Node] = [:]
  /// The number of the next node.
  var nextNode = 0
  /// The deployments by number.
  var deployments: [Int: Deployment] = [:]
  /// The number of the next deployment.
  var nextDeployment = 1
  /// The default deployment.
  var standard: Int?
  /// The deployment that ran last.
  var running: Int?
  /// The deployment whose /etc the running one has still to get; nil if it has it.
  var pending: Int?

  /// The store of a new ``BootDisk``: the base, and a node that can boot.
  static let first: ExpectedStore = {
    var store = ExpectedStore()
    store.nodes = [
      0: Node(parent: nil, description: "base snapshot", content: Content()),
      1: Node(parent: nil, description: "one", content: Content(isFurnished: true), previous: Content()),
    ]
    store.nextNode = 2
    return store
  }()

  /// A node and everything below it: each before its children, and those by number.
  func subtree(of top: Int) -> [Int] {
    [top] + nodes.filter { $0.value.parent == top }.keys.sorted().flatMap(subtree)
  }
}

// MARK: The tree

extension ExpectedStore {
  mutating func add(copyOf source: Int, under parent: Int?, _ description: String) {
    nodes[nextNode] = Node(
      parent: parent, description: description, content: nodes[source]?.content ?? Content(work: -2))
    nextNode += 1
  }

  mutating func cloneTree(_ top: Int) {
    var copies: [Int: Int] = [:]
    for original in subtree(of: top) {
      guard let node = nodes[original] else { continue }
      copies[original] = nextNode
      add(
        copyOf: original, under: original == top ? node.parent : node.parent.flatMap { copies[$0] },
        original == top ? "clone of \(top)" : node.description)
    }
  }

  mutating func delete(_ top: Int) {
    let gone = Set(subtree(of: top))
    nodes = nodes.filter { !gone.contains($0.key) }
    deployments = deployments.filter { !gone.contains($0.value.node) }
  }

  mutating func set(_ part: WritableKeyPath<Content, Int>, _ number: Int, in node: Int) {
    guard var content = nodes[node]?.content else { return }
    content[keyPath: part] = number
    exchange(content, in: node)
  }

  mutating func undo(_ node: Int) {
    guard let previous = nodes[node]?.previous else { return }
    exchange(previous, in: node)
  }

  private mutating func exchange(_ content: Content, in node: Int) {
    let old = nodes[node]?.content
    nodes[node]?.previous = old
    nodes[node]?.content = content
  }
}

// MARK: Deployments

extension ExpectedStore {
  mutating func deploy(_ node: Int, asDefault: Bool) {
    guard let content = nodes[node]?.content else { return }
    let own = Etc(of: content)
    let source = standard.flatMap { number in deployments[number].map { (number, $0) } }
    var made = Deployment(node: node, content: content, etc: own)
    if let (number, from) = source {
      (made.etc, made.replaced) = own.merging(from.etc, since: Etc(of: from.content))
      made.base = (from.etc, number)
    }
    deployments[nextDeployment] = made
    if asDefault || standard == nil { standard = nextDeployment }
    nextDeployment += 1
  }

  /// The first step of a start: it is noted.
  mutating func noteStart(of deployment: Int) {
    let source = pending ?? running
    pending = source == deployment ? nil : source
    running = deployment
  }

  /// The second step: /etc is brought up to date.
  mutating func bringAlong(from other: Int?, to deployment: Int) {
    guard let other, let from = deployments[other], let base = deployments[deployment]?.base,
      let own = deployments[deployment]?.etc
    else { return }
    // What the other one has from its generation is not a change of the machine.
    let live = base.of == other ? from.etc : from.etc.changes(since: Etc(of: from.content), onto: base.etc)
    let (etc, replaced) = own.merging(live, since: base.etc)
    deployments[deployment]?.etc = etc
    deployments[deployment]?.replaced = replaced
    if from.etc != base.etc { deployments[deployment]?.base = (from.etc, other) }
  }

  /// How many deployments have got changes of the machine since another state, when they were made or later.
  func merges(since before: ExpectedStore) -> Int {
    deployments.count { number, deployment in
      deployment.etc != (before.deployments[number]?.etc ?? Etc(of: deployment.content))
    }
  }

  mutating func markGood(_ deployment: Int) {
    deployments[deployment]?.isGood = true
    deployments[deployment]?.base = nil
  }

  /// Whether a deployment may be deleted to make place for newer ones.
  func mayRetire(_ number: Int) -> Bool {
    guard let deployment = deployments[number] else { return true }
    let newer = deployments.count { $0.key > number && !$0.value.isPinned }
    return !deployment.isPinned && ![standard, running, pending].contains(number) && newer >= Self.keptDeployments
  }

  /// The default of gc.keep-deployments (ast.toml(5)).
  private static let keptDeployments = 3
}

/// The numbers in the files of an /etc that commands and the machine write; a file that is missing has none.
struct Etc: Equatable, Sendable {
  var numbers: [String: Int] = [:]

  /// Files that only the machine writes, one that nodes and the machine write, and those that only nodes write.
  static let machineFiles = ["machine-0", "machine-1", "machine-2", "both"]
  static let files = machineFiles + ["node", "ast/node.toml"]

  init() {}

  /// The /etc of a generation.
  init(of content: ExpectedStore.Content) {
    if content.work != 0 { (numbers["node"], numbers["both"]) = (content.work, content.work) }
    if content.settings != 0 { numbers["ast/node.toml"] = content.settings }
  }

  /// This one with the changes that another one has since `base`. Where both have changed, the changes win, and what is
  /// replaced is kept.
  func merging(_ live: Etc, since base: Etc) -> (merged: Etc, replaced: Etc) {
    var (merged, replaced) = (self, Etc())
    for file in Self.files where live.numbers[file] != base.numbers[file] {
      merged.numbers[file] = live.numbers[file]
      if let own = numbers[file], own != base.numbers[file], own != live.numbers[file] { replaced.numbers[file] = own }
    }
    return (merged, replaced)
  }

  /// `base` with the changes that this one has since `own`.
  func changes(since own: Etc, onto base: Etc) -> Etc {
    var changed = base
    for file in Self.files where numbers[file] != own.numbers[file] { changed.numbers[file] = numbers[file] }
    return changed
  }
}
