// The daemon's own report.

import SiftDaemon

extension ControlClient {
  /// What the daemon does, whom it reaches, and what its policies cost so far.
  public func status() async throws(ToolFailure) -> StatusReport {
    try await get("/sift/status", as: StatusReport.self)
  }
}
