// A look inside a step: what tests compare with golden figures and calibration measures.

/// A place between two operations of a step.
package enum ProbePoint: Sendable, Hashable {
  /// `[row, width]`: the embedding (layer −1).
  case embedding
  /// `[row, width]`: after the norm before attention.
  case attentionInput
  /// `[row, width]`: after the output projection, before the residual is added.
  case attentionOutput
  /// `[row, width]`: after the norm before the experts.
  case expertInput
  /// `[row, experts]`: before the softmax.
  case routerLogits
  /// `[row, width]`: the weighted sum of the experts, before the residual is added.
  case expertOutput
  /// `[row, width]`: the residual stream after the layer.
  case layerOutput
  /// `[wanted row, width]`: after the final norm (layer = number of layers).
  case finalNorm
}

/// Sees the values of a step as they arise, on the session's thread. The pointers are valid during the call.
package protocol ForwardProbe: AnyObject {
  /// `values` holds rows of `width` figures.
  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int)
  /// `experts` and `weights` are `[row, rank]`, by falling weight, as the router has them.
  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int)
}

extension ForwardProbe {
  package func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {}
  package func see(
    layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int
  ) {}
}
