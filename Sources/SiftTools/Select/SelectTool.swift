// `siftctl select` without its command line: a file in, one line out.

import SiftPolicy

public enum SelectTool {
  /// What is to be printed for the problem in `path` ("-": standard input).
  /// - Parameter policy: a name of `PolicyName`; nil for the exact selection.
  /// - Returns: the answer with a newline at its end, and one remark for each field that was passed over.
  /// - Throws: `ToolFailure` (`usage`) naming the field that is wrong; (`noInput`) when the file cannot be read.
  public static func run(path: String, policy: String?) throws(ToolFailure) -> (answer: String, remarks: [String]) {
    let name = try policy.map(Self.policy)
    return try run(try InputFile.read(path), path: path, policy: name)
  }

  static func run(
    _ bytes: [UInt8], path: String, policy: PolicyName?
  ) throws(ToolFailure) -> (answer: String, remarks: [String]) {
    do {
      let top = try FieldReader(json: bytes)
      if try top.string("kind") == "batch" {
        let batch = try SelectBatch(top)
        return (batch.answerJSON(policy: policy) + "\n", remarks(path, batch.unknownFields))
      }
      let problem = try SelectProblem(top)
      return (problem.answerJSON(policy: policy) + "\n", remarks(path, problem.unknownFields))
    } catch {
      throw ToolFailure(.usage, "\(path): \(error)")
    }
  }

  private static func remarks(_ path: String, _ unknown: [String]) -> [String] {
    unknown.map { "\(path): \($0): not a field of this format, passed over" }
  }

  /// The policy of that name.
  public static func policy(_ name: String) throws(ToolFailure) -> PolicyName {
    guard let policy = PolicyName(rawValue: name) else {
      throw ToolFailure(.usage, "--policy: \"\(name)\" is none of \(PolicyName.list)")
    }
    return policy
  }
}
