// What the machine says about itself.

import Glibc

/// The text of a small file; nil when it cannot be read.
public func contents(of path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 65536)
  let count = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes[0..<count], as: UTF8.self)
}

/// Bytes of the largest cache of processor 0; 0 when the kernel tells none.
public func lastLevelCacheBytes() -> Int {
  (0..<8).compactMap { index -> Int? in
    guard let text = contents(of: "/sys/devices/system/cpu/cpu0/cache/index\(index)/size") else { return nil }
    let digits = Int(text.prefix { $0.isNumber }) ?? 0
    if text.contains("K") { return digits << 10 }
    return text.contains("M") ? digits << 20 : digits
  }.max() ?? 0
}

/// Processors that this process may use.
public func processors() -> Int { max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }

/// A field of /proc/self/status in bytes, such as `VmHWM`; 0 when it is missing.
public func processStatus(_ field: String) -> Int {
  guard let text = contents(of: "/proc/self/status") else { return 0 }
  for line in text.split(separator: "\n") where line.hasPrefix(field + ":") {
    return (Int(line.filter(\.isNumber)) ?? 0) << 10
  }
  return 0
}
