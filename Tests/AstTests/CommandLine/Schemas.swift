import FoundationEssentials
import TestSupport

/// What commands printed for programs, to be held against the published schemas.
struct Schemas {
  private struct Claim: Encodable {
    let schema: String
    let command: String
    let text: String
  }

  private var claims: [Claim] = []

  /// Takes in the object, the data and the events of a command with `--json --progress=json`.
  mutating func add(_ result: CommandResult, of words: [String]) {
    add(object: result.stdout, events: result.stderr.lines, of: words)
  }

  /// The same for text.
  mutating func add(object: String, events: [String], of words: [String]) {
    let command = words.joined(separator: " ")
    let verb = words.first { !$0.hasPrefix("-") } ?? ""
    claims.append(Claim(schema: "envelope", command: command, text: object))
    claims.append(Claim(schema: "verb \(verb)", command: command, text: object))
    claims += events.map { Claim(schema: "event", command: command, text: $0) }
  }

  /// What does not fit, a line for each; at least one if nothing could be checked.
  func problems() throws -> [String] {
    let claims = String(decoding: try JSONEncoder().encode(claims), as: UTF8.self)
    let result = try run(
      [
        "/usr/bin/python3", "-W", "ignore", "-c", Self.checker,
        Checkout.directory.appending("install/share/schema").string,
      ],
      input: claims)
    return result.status == 0 ? result.stdout.lines : ["the checker failed: \(result)"]
  }

  private static let checker = """
    import glob, json, sys
    from jsonschema import Draft202012Validator as Validator, RefResolver

    files = [json.load(open(name)) for name in sorted(glob.glob(sys.argv[1] + "/*.json"))]
    for file in files:
        Validator.check_schema(file)
    known = {file["$id"]: file for file in files}
    place = {file["$id"].split("/")[-1][:-5]: file["$id"] for file in files}
    families = ["tree", "work", "packages", "boot", "look", "store"]
    verbs = {verb: f"{place[family]}#/$defs/{verb}" for family in families for verb in known[place[family]]["$defs"]}

    def check(address, value):
        resolver = RefResolver("", {}, store=known)
        for error in Validator({"$ref": address}, resolver=resolver).iter_errors(value):
            deepest = max([error] + list(error.context), key=lambda error: len(error.absolute_path))
            yield f"{list(deepest.absolute_path)}: {deepest.message[:300]}"

    for claim in json.load(sys.stdin):
        value = json.loads(claim["text"])
        kind, _, verb = claim["schema"].partition(" ")
        if kind != "verb":
            found = check(place[kind], value)
        elif value["data"] is None:
            found = []
        else:
            found = check(verbs[verb], value["data"]) if verb in verbs else ["there is no schema"]
        for problem in found:
            print(f"{claim['command']}: {kind}: {problem}")
    """
}
