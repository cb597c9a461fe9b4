import ArgumentParser

/// A verb that can be made without the parser, for the command line that is only its name. Of `ast tree`, preparing the
/// parser would take more than half of the time.
protocol PlainVerb: Verb {
  /// The verb as the parser makes it of its name alone.
  ///
  /// Each property that the parser would set must be set: reading another one ends the process.
  init(plain global: GlobalOptions)
}

extension Ast {
  /// The verb that a command line is, which has no other word; nil if only the parser makes it.
  static func plainVerb(_ word: String) -> (any PlainVerb)? {
    let type: (any PlainVerb.Type)? =
      switch word {
      case "tree": Tree.self
      case "current": Current.self
      case "status": Status.self
      case "version": VersionVerb.self
      default: nil
      }
    return type?.init(plain: GlobalOptions.plain)
  }
}

extension GlobalOptions {
  /// The options of a command line without any.
  static var plain: GlobalOptions {
    var options = GlobalOptions()
    options.store = nil
    options.json = false
    options.quiet = false
    options.yes = false
    options.wait = .never
    options.progress = nil
    options.progressDescriptor = nil
    options.inSandbox = false
    return options
  }
}

extension Tree: PlainVerb {
  init(plain global: GlobalOptions) {
    self.init()
    self.global = global
    long = false
    svg = false
    dot = false
  }
}

extension Current: PlainVerb {
  init(plain global: GlobalOptions) {
    self.init()
    self.global = global
  }
}

extension Status: PlainVerb {
  init(plain global: GlobalOptions) {
    self.init()
    self.global = global
  }
}

extension VersionVerb: PlainVerb {
  init(plain global: GlobalOptions) {
    self.init()
    self.global = global
  }
}
