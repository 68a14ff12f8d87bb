// The regulators of a Raspberry Pi 5 as its firmware tells them: volts and amperes of twelve rails in one answer.

import HostIO
import SiftCore
import Synchronization

/// Readings of all regulators, asked for once a round: each regulator takes its figures from the latest answer, and one
/// that has taken them already asks anew.
package final class RegulatorReadings: Sendable {
  /// Regulators with both a voltage and a current, in the firmware's order.
  package let names: [String]
  private let mailbox: any FirmwareMailbox
  private struct State {
    var answer = RegulatorAnswer()
    /// `[regulator]` whether its figures of this answer were taken.
    var taken: [Bool]
  }
  private let state: Mutex<State>

  /// Asks once. - Throws: what the mailbox says; `.malformed` for an answer without a regulator.
  package init(_ mailbox: any FirmwareMailbox) throws(SysfsError) {
    self.mailbox = mailbox
    let answer = try RegulatorAnswer(asking: mailbox)
    names = answer.names
    guard !names.isEmpty else {
      throw .malformed(path: mailbox.path, expected: "lines such as VDD_CORE_A current(7)=1.5A", got: "none")
    }
    state = Mutex(State(answer: answer, taken: Array(repeating: false, count: names.count)))
  }

  /// Power of one regulator, in watts.
  package func watts(_ at: Int) throws(SysfsError) -> Double {
    let outcome: Result<Double, SysfsError> = state.withLock { state in
      do throws(SysfsError) {
        if state.taken[at] {
          state.answer = try RegulatorAnswer(asking: mailbox)
          for other in state.taken.indices { state.taken[other] = false }
        }
        guard let watts = state.answer.watts(of: names[at]) else {
          throw .malformed(path: mailbox.path, expected: "volts and amperes of \(names[at])", got: "none")
        }
        state.taken[at] = true
        return .success(watts)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}

/// One answer to `pmic_read_adc`: lines such as ` VDD_CORE_A current(7)=6.22421000A` and ` VDD_CORE_V volt(15)=0.86V`. The
/// numbers in brackets are channels of the converter and pair nothing; names do.
struct RegulatorAnswer: Sendable {
  private(set) var names: [String] = []
  private var amperes: [String: Double] = [:]
  private var volts: [String: Double] = [:]

  init() {}

  init(asking mailbox: any FirmwareMailbox) throws(SysfsError) { self.init(try mailbox.answer(to: "pmic_read_adc")) }

  init(_ text: String) {
    var order: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      guard let (name, value) = Self.figure(line) else { continue }
      let rail = String(name.dropLast(2))
      if name.hasSuffix("_A") {
        amperes[rail] = value
        order.append(rail)
      } else if name.hasSuffix("_V") {
        volts[rail] = value
      }
    }
    // EXT5V and BATT have a voltage alone: nothing can be said of their power.
    names = order.filter { volts[$0] != nil }
  }

  func watts(of name: String) -> Double? {
    guard let ampere = amperes[name], let volt = volts[name] else { return nil }
    return volt * ampere
  }

  private static func figure(_ line: Substring) -> (name: Substring, value: Double)? {
    let words = line.split(separator: " ")
    guard words.count == 2, let equals = words[1].lastIndex(of: "="), let unit = words[1].last,
      unit == "A" || unit == "V",
      let value = Double(words[1][words[1].index(after: equals)...].dropLast()), value.isFinite
    else { return nil }
    return (words[0], value)
  }
}
