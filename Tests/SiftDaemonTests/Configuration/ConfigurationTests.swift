// The configuration: every key from one table, every mistake with file, line and key.

import SiftDaemon
import SiftTestKit
import Testing

@Suite("Configuration")
struct ConfigurationTests {
  private func read(_ text: String) throws -> Configuration { try Configuration(text: text, file: "siftd.toml") }
  private func errors(_ text: String) -> [String] {
    do {
      _ = try read(text)
      return []
    } catch let errors as ConfigurationErrors {
      return errors.errors.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  @Test("an empty file is a gateway with every default")
  func empty() throws {
    let configuration = try read("")
    #expect(configuration[Keys.node.role] == "gateway")
    #expect(configuration[Keys.api.listen] == "127.0.0.1:8080")
    #expect(configuration.peers.isEmpty)
  }

  @Test("values of every type are read, and an integer is a number too")
  func values() throws {
    let configuration = try read(
      """
      [policy]
      name = "topk"
      error-budget = 1
      latency-ms = 12.5
      [api]
      allow-remote = true
      listen = "0.0.0.0:80"
      max-body-bytes = 2048
      [model]
      experts = ["0-7", "12"]
      """)
    #expect(configuration[Keys.policy.name] == "topk")
    #expect(configuration[Keys.policy.errorBudget] == 1)
    #expect(configuration[Keys.policy.latency] == 12.5)
    #expect(configuration[Keys.api.maxBodyBytes] == 2048)
    #expect(ExpertRanges.experts(configuration[Keys.model.experts], of: 16) == [0, 1, 2, 3, 4, 5, 6, 7, 12])
  }

  @Test(
    "a mistake is one line with file, line, key and what would be right",
    arguments: [
      ("[api]\nsokcet = \"/x\"", "siftd.toml:2: api.sokcet: unknown key; did you mean api.socket?"),
      ("[api]\n\nlatency-ms = 5", "siftd.toml:3: api.latency-ms: unknown key; did you mean policy.latency-ms?"),
      ("[polcy]\nname = \"topk\"", "siftd.toml:1: polcy: unknown section; did you mean [policy]?"),
      ("listen = \"x\"", "siftd.toml:1: listen: unknown section; did you mean api.listen?"),
      ("[api]\nmax-body-bytes = \"big\"", "siftd.toml:2: api.max-body-bytes: wants an integer, got the string \"big\""),
      ("[api]\nmax-body-bytes = 1.5", "siftd.toml:2: api.max-body-bytes: wants an integer, got the number 1.5"),
      ("[api]\nallow-remote = 1", "siftd.toml:2: api.allow-remote: wants either true or false, got the integer 1"),
      ("[policy]\nerror-budget = -0.5", "siftd.toml:2: policy.error-budget: must be 0.0 to 10.0, got -0.5"),
      ("[policy]\nerror-budget = nan", "siftd.toml:2: policy.error-budget: must be 0.0 to 10.0, got nan"),
      ("[node]\nrole = \"boss\"", "siftd.toml:2: node.role: must be \"gateway\", \"expert-host\", got \"boss\""),
      (
        "[model]\nexperts = [\"7-0\"]",
        "siftd.toml:2: model.experts: must be \"all\", \"none\", or ranges such as \"0-7\", got [\"7-0\"]"
      ),
      ("[model]\nexperts = [1]", "siftd.toml:2: model.experts: wants a list of strings, got a list"),
      ("peer = 5", "siftd.toml:1: peer: is a list: write [[peer]]"),
      ("[[api]]\nlisten = \"\"", "siftd.toml:1: api: is a section: write [api]"),
      (
        "[api]\nlisten = \"localhost:80\"",
        "siftd.toml:2: api.listen: must be ADDRESS:PORT in numbers, or empty for none, got \"localhost:80\""
      ),
      (
        "[api]\nlisten = \"0.0.0.0:80\"",
        "siftd.toml:2: api.listen: 0.0.0.0:80 is reachable from other machines; set api.allow-remote = true if that is meant"
      ),
      ("[node]\nname = 1979-05-27", "siftd.toml:2: node.name: wants a string, got a date"),
    ])
  func mistakes(text: String, expected: String) { #expect(errors(text) == [expected]) }

  @Test("every mistake of a file is told at once, in the order of its lines")
  func several() {
    let found = errors("[api]\nfoo = 1\n[node]\nrole = 5\n[[peer]]\nname = \"a\"\nadress = \"h:1\"\n")
    #expect(found.map { $0.prefix(13) } == ["siftd.toml:2:", "siftd.toml:4:", "siftd.toml:7:"])
    #expect(found.last == "siftd.toml:7: peer[0].adress: unknown key; did you mean peer.address?")
  }

  @Test("text that is not TOML is told with its line")
  func syntax() {
    let found = errors("[api]\nlisten = \n")
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("siftd.toml:2: not TOML: ") == true)
    #expect(errors("a\u{0}b") == ["siftd.toml:1: not TOML: holds a NUL byte"])
  }

  @Test("peers need certificates, a name of their own and an address")
  func peers() {
    let certificates = "[cluster]\ncertificate = \"c\"\nkey = \"k\"\nauthority = \"a\"\n"
    let peer = "[[peer]]\nname = \"attic\"\naddress = \"attic.lan:7000\"\n"
    #expect(errors(certificates + peer) == [])
    #expect(errors(peer).count == 3)
    #expect(errors(certificates + peer + peer) == ["siftd.toml:9: peer[1].name: \"attic\" is taken by another node"])
    #expect(errors(certificates + "[[peer]]\nname = \"attic\"\n") == ["siftd.toml:5: peer[0].address: is missing"])
    #expect(
      errors(certificates + "[[peer]]\nname = \"x\"\naddress = \"nowhere\"\n")
        == ["siftd.toml:7: peer[0].address: must be HOST:PORT, got \"nowhere\""])
  }

  @Test("an expert host needs an address to listen on and has no peers")
  func expertHost() {
    let certificates = "[cluster]\ncertificate = \"c\"\nkey = \"k\"\nauthority = \"a\"\n"
    #expect(
      errors("[node]\nrole = \"expert-host\"\n")
        == ["siftd.toml: cluster.listen: an expert host needs an address to listen on"])
    #expect(errors(certificates + "listen = \"127.0.0.1:7000\"\n[node]\nrole = \"expert-host\"\n") == [])
  }

  @Test("the printed defaults are a configuration with all the defaults, commented out or not")
  func printedDefaults() throws {
    let printed = ConfigurationTables.defaults()
    #expect(try read(printed).changes(to: Configuration()).isEmpty)
    // All but the list of peers, which has no default.
    let active = printed.split(separator: "\n").prefix { $0 != "#[[peer]]" }
      .map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? String($0.dropFirst()) : String($0) }
    let configuration = try read(active.joined(separator: "\n"))
    #expect(configuration.changes(to: Configuration()).isEmpty)
    for key in Keys.all { #expect(configuration.settings.isSet(key), "\(key.path) is not printed") }
  }

  @Test("every key's default is within its own range, and its name is its section's")
  func table() throws {
    for section in Keys.sections {
      for key in section.all {
        #expect(key.section == section.name)
        #expect(!key.documentation.isEmpty)
      }
    }
    for key in Keys.all { #expect(throws: Never.self) { try read("\(key.path) = \(key.defaultLiteral)") } }
  }

  @Test("the documentation's table is the one that the keys print")
  func documentation() throws {
    let text = try RepositoryFile.text("docs/configuration.md")
    #expect(
      text.contains(ConfigurationTables.markdown()), "run: siftd --print-keys, and put it into docs/configuration.md")
    #expect(
      try RepositoryFile.text("systemd/siftd.toml") == ConfigurationTables.defaults(),
      "run: siftd --print-defaults > systemd/siftd.toml")
    #expect(try RepositoryFile.text("docs/metrics.md").contains(MetricTable.markdown()))
  }
}

@Suite("Reload")
struct ReloadTests {
  private func read(_ text: String) throws -> Configuration { try Configuration(text: text, file: "siftd.toml") }

  @Test("live keys change at once; the others stay and are named")
  func outcome() throws {
    let live = LiveConfiguration(try read("[policy]\nname = \"topk\"\n[api]\nlisten = \"127.0.0.1:1\""))
    let outcome = live.reload(try read("[policy]\nname = \"nearest\"\n[api]\nlisten = \"127.0.0.1:2\""))
    #expect(live.now[Keys.policy.name] == "nearest")
    #expect(live.now[Keys.api.listen] == "127.0.0.1:1")
    #expect(outcome.message == "configuration reloaded: changed policy.name; a restart is needed for api.listen")
    #expect(live.requestDefaults.sift.policy == "nearest")
  }

  @Test("a key that left the file has its default again")
  func removed() throws {
    let live = LiveConfiguration(try read("[policy]\nerror-budget = 0.7"))
    #expect(live.reload(try read("")).applied == ["policy.error-budget"])
    #expect(live.now[Keys.policy.errorBudget] == Keys.policy.errorBudget.default)
  }

  @Test("nothing changed is said as such")
  func same() throws {
    let live = LiveConfiguration(try read(""))
    #expect(live.reload(try read("# only a comment")).message == "configuration reloaded: nothing changed")
  }
}

@Suite("Nearest words")
struct NearestTests {
  @Test("insertions, deletions, substitutions and swapped neighbours cost one each")
  func distances() {
    let distance = { (a: String, b: String) in Nearest.distance(Array(a.utf8), Array(b.utf8)) }
    #expect(distance("listen", "listen") == 0)
    #expect(distance("lisetn", "listen") == 1)
    #expect(distance("liste", "listen") == 1)
    #expect(distance("lissten", "listen") == 1)
    #expect(distance("", "abc") == 3)
  }

  @Test("nothing near is nothing")
  func nothing() { #expect(Nearest.word(to: "zzzzzzzz", among: ["socket", "listen"]) == nil) }
}
