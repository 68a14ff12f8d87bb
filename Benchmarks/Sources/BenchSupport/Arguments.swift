// The few command-line words of the benchmarks: options `--name value` and what is left.

import Glibc

/// `--name value` pairs and other words.
public struct Arguments {
  public private(set) var words: [String] = []
  private var options: [String: String] = [:]

  public init(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) {
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if word.hasPrefix("--") {
        options[String(word.dropFirst(2))] = rest.popFirst() ?? ""
      } else {
        words.append(word)
      }
    }
  }

  public func text(_ name: String) -> String? { options[name] }

  /// The number of an option; ends the program when it is not one.
  public func number(_ name: String, or usual: Int) -> Int {
    guard let text = options[name] else { return usual }
    guard let number = Int(text), number > 0 else { fail("--\(name) takes a number above 0, got \"\(text)\"") }
    return number
  }
}

/// One line to standard error, and the end with status 2.
public func fail(_ message: String) -> Never {
  var line = message + "\n"
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  exit(2)
}
