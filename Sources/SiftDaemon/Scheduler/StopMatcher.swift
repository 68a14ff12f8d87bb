// Stop strings in a text that arrives in pieces: nothing that may still become a stop string is given out.

/// Watches an answer for the strings that end it.
package struct StopMatcher {
  private let stops: [[UInt8]]
  /// Text that was not given out yet because a stop string may begin in it.
  private var held: [UInt8] = []

  /// - Parameter stops: non-empty strings.
  package init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty } }

  /// Takes a piece of whole characters.
  /// - Returns: the text that is safe to give out, and whether a stop string was met (the text then ends before it).
  package mutating func append(_ piece: String) -> (text: String, stopped: Bool) {
    guard !stops.isEmpty else { return (piece, false) }
    held.append(contentsOf: piece.utf8)
    if let at = firstStop() {
      let text = String(decoding: held[..<at], as: UTF8.self)
      held = []
      return (text, true)
    }
    // A stop string begins with the first byte of a character, so this cut never splits one.
    let safe = held.count - longestOpenEnd()
    let text = String(decoding: held[..<safe], as: UTF8.self)
    held.removeFirst(safe)
    return (text, false)
  }

  /// The text that was still held when the answer ended otherwise.
  package mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  private func firstStop() -> Int? {
    held.indices.first { at in stops.contains { held[at...].starts(with: $0) } }
  }

  /// Length of the longest end of `held` that begins a stop string.
  private func longestOpenEnd() -> Int {
    let longest = min(held.count, (stops.map(\.count).max() ?? 1) - 1)
    for length in stride(from: longest, to: 0, by: -1)
    where stops.contains(where: { $0.starts(with: held.suffix(length)) }) {
      return length
    }
    return 0
  }
}
