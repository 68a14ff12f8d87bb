// The version that siftd and siftctl announce.

/// The project's version, by semantic versioning; CHANGELOG.md says what each one brought.
public enum SiftVersion {
  public static let current = "0.1.0"
}
