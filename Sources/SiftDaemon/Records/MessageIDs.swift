// The kinds of records. systemd/siftd.catalog explains each to whoever reads it with `journalctl -x`.

/// MESSAGE_ID values, made once with `systemd-id128 new` and never changed.
public enum MessageID: String, CaseIterable, Sendable {
  /// A request's books are closed.
  case request = "2f8e42080cdf48ef9638a63dc80658ae"
  /// A peer can be used.
  case peerUp = "c8ee848625d14c748fb415234b813e97"
  /// A peer is late, lost or refused.
  case peerDown = "49d6a9a105da46ea890fc93f036a14cf"
  /// What is known of a link changed its level.
  case link = "08c75c95188d49fcb51614276508bd00"
  /// A power rail fell silent, or speaks again.
  case rail = "7aa2fd0bcd1b4ec49db22dc9afcf0f9d"
  /// A radio interface or an association changed.
  case radio = "6ee19704093240a48144aed535985184"
  /// The configuration was reloaded, or could not be.
  case reload = "0552c37a37c24760b10d3d1137feb323"
  /// The energy ledger cannot be written, can again, or was replaced.
  case ledger = "c0caa8336b9249829d735c09b7a41ab6"
  /// Layers err by more, or less, than the calibration says; or no longer.
  case drift = "032452f439814a3186564398faf09e57"
  /// The daemon serves.
  case started = "027ad3a20b284622b9a0ac75e679f513"
  /// The daemon stops.
  case stopping = "97d81a8cb1c0401690447825be481a18"
}
