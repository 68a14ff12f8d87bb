// Where the reference model lies in a checkout.

/// The model that the project ships.
public enum ReferenceModel {
  /// The root of the checkout, from this file's place in it.
  public static let checkout = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()
  public static let folder = "\(checkout)/Models/sift-reference-moe"
  public static func file(_ name: String) -> String { "\(folder)/\(name)" }
}
