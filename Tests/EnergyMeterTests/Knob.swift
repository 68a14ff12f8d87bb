// A value that a test turns while closures look at it.

import Synchronization

/// Something shared between a test and the sensors that it simulates.
final class Knob<Value: Sendable>: Sendable {
  private let kept: Mutex<Value>
  init(_ value: Value) { kept = Mutex(value) }

  var value: Value {
    get { kept.withLock { $0 } }
    set { kept.withLock { $0 = newValue } }
  }

  /// Changes the value and returns the new one.
  @discardableResult
  func change(_ body: (inout Value) -> Void) -> Value {
    kept.withLock { value in
      body(&value)
      return value
    }
  }
}
