import FoundationEssentials

/// The messages in which apt announces to its hooks what it is going to do: JSON-RPC 2.0 messages, each ended by an
/// empty line (`doc/json-hooks-protocol.md` in apt's sources).
public enum AptHook {
  /// apt's answer to a request.
  public struct Decision: Sendable, Equatable {
    /// The steps apt would take, by name.
    public let steps: [PackageStep]
    /// Where the new versions come from, by the argument of the step.
    public let origins: [String: [PackageOrigin]]
    /// The names in the request that apt does not know.
    public let unknown: [String]
    /// Whether apt gave up.
    public let isFailure: Bool
  }

  /// A program for `AptCli::Hooks::Install` that agrees to version 0.2 of the protocol and appends what apt says to
  /// `file`. The answer goes first: the socket keeps it until apt asks. It uses bash, because other shells of Debian do
  /// not have descriptors of two digits.
  public static func program(writingTo file: String) -> String {
    """
    #!/bin/bash
    printf '{"jsonrpc":"2.0","id":0,"result":{"version":"0.2"}}\\n\\n' >&$APT_HOOK_SOCKET
    exec cat <&$APT_HOOK_SOCKET >>'\(file)'
    """
  }

  /// Finds the decision in the output of apt; nil if there is none, as when there is nothing to decide on.
  public static func decision(in text: String) throws -> Decision? {
    for line in text.split(separator: "\n") {
      let data = Data(line.utf8)
      let method = try JSONDecoder().decode(Message.self, from: data).method
      guard method == "\(prefix)pre-prompt" || method == "\(prefix)fail" else { continue }
      let request = try JSONDecoder().decode(Request.self, from: data).params
      let steps = request.packages.compactMap { package in package.step.map { ($0, package.versions.new?.found ?? []) }
      }
      return Decision(
        steps: steps.map(\.0).sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) },
        origins: Dictionary(steps.map { ($0.argument, $1) }, uniquingKeysWith: { $1 }),
        unknown: request.unknownPackages, isFailure: method == "\(prefix)fail")
    }
    return nil
  }

  private static let prefix = "org.debian.apt.hooks.install."
}

private struct Message: Decodable {
  let method: String
}

private struct Request: Decodable {
  let params: Parameters

  struct Parameters: Decodable {
    let unknownPackages: [String]
    let packages: [Package]

    enum CodingKeys: String, CodingKey {
      case unknownPackages = "unknown-packages"
      case packages
    }
  }

  struct Package: Decodable {
    let name: String
    let architecture: String
    let mode: String
    let automatic: Bool
    let versions: Versions

    /// Nil for a package that stays as it is.
    var step: PackageStep? {
      guard let kind = PackageStep.Kind(mode) else { return nil }
      return PackageStep(
        name: name, architecture: architecture, kind: kind, from: versions.current?.version,
        to: kind.isRemoval ? nil : versions.new?.version, isAutomatic: automatic)
    }
  }

  struct Versions: Decodable {
    let candidate: Version?
    let install: Version?
    let current: Version?

    /// The version that comes, unless the package goes.
    var new: Version? { install ?? candidate }
  }

  struct Version: Decodable {
    let version: String
    let origins: [Origin]?

    var found: [PackageOrigin] {
      origins?.map { origin in
        PackageOrigin(
          origin: origin.origin ?? "", label: origin.label ?? "", suite: origin.archive ?? "",
          codename: origin.codename ?? "")
      } ?? []
    }
  }

  struct Origin: Decodable {
    let origin: String?
    let label: String?
    let archive: String?
    let codename: String?
  }
}

extension PackageStep.Kind {
  /// Reads apt's word for the kind of step.
  fileprivate init?(_ mode: String) {
    switch mode {
    case "install": self = .install
    case "upgrade": self = .upgrade
    case "downgrade": self = .downgrade
    case "reinstall": self = .reinstall
    case "deinstall": self = .remove
    case "purge": self = .purge
    default: return nil
    }
  }
}
