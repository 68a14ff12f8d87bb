// Mean squares of distances, and what an error of a layer does to the model's answers (docs/theory, §2 and §9).

/// Root mean square distances of one layer over the tokens routed to each expert, every token counted by the SQUARE of
/// its router weight: an expert's error enters a layer's with its weight, so its square with the weight's square. E
/// experts.
public struct SquareDistances: Sendable, Hashable {
  /// Root mean square norm of the exact layer output: what these distances are divided by; > 0.
  public var scale: Float
  /// `[routed, target]`, diagonal 0; infinite for an expert that no sample token was routed to.
  public var replacing: [Float]
  /// `[routed]`.
  public var skipping: [Float]
  /// `[routed, target]`: α = E⟨f_i, f_j⟩ / E‖f_j‖², the factor with which j comes nearest to i; diagonal 1, never below 0
  /// (where it would be, 0 is nearest).
  public var factors: [Float]
  /// `[routed, target]`: distance of i from α·j, diagonal 0; at most `replacing` (α = 1) and `skipping` (α = 0).
  public var scaled: [Float]

  public init(scale: Float, replacing: [Float], skipping: [Float], factors: [Float], scaled: [Float]) {
    self.scale = scale
    self.replacing = replacing
    self.skipping = skipping
    self.factors = factors
    self.scaled = scaled
  }
}

/// What an error of one layer does to the model's answers.
public struct LayerEffect: Sendable, Hashable {
  /// a_ℓ: increase of log-loss for each unit of the layer's mean square error, relative to the mean over the layers; ≥ 0.
  public var sensitivity: Float
  /// Standard error of `sensitivity`.
  public var sensitivityError: Float
  /// A_ℓ (B4): what the range of the change of logits, divided by the layer's relative error, exceeds in a share
  /// `missRate` of the sample tokens at most; ≥ 0.
  public var amplification: Float

  public init(sensitivity: Float, sensitivityError: Float, amplification: Float) {
    self.sensitivity = sensitivity
    self.sensitivityError = sensitivityError
    self.amplification = amplification
  }
}

extension SquareDistances {
  /// From sums over the tokens routed to each expert, all of them weighted by w².
  ///
  /// - Parameters:
  ///   - weights: `[routed]` Σ w².
  ///   - squares: `[routed, target or skip]` Σ w²‖f_i − f_j‖², last Σ w²‖f_i‖².
  ///   - norms: `[routed, target]` Σ w²‖f_j‖².
  ///   - output: mean of ‖y‖², > 0.
  init(weights: [Double], squares: [Double], norms: [Double], output: Double) {
    let experts = weights.count
    self.init(scale: Float(output.squareRoot()), replacing: [], skipping: [], factors: [], scaled: [])
    for routed in 0..<experts {
      let total = weights[routed] * output
      let isMet = total > 0
      let skip = isMet ? squares[routed * (experts + 1) + experts] / total : .infinity
      skipping.append(Float(skip.squareRoot()))
      for target in 0..<experts {
        if target == routed || !isMet {
          factors.append(1)
          replacing.append(target == routed ? 0 : .infinity)
          scaled.append(target == routed ? 0 : .infinity)
          continue
        }
        let apart = squares[routed * (experts + 1) + target] / total
        let other = norms[routed * experts + target] / total
        let product = (skip + other - apart) / 2
        let factor = other > 0 ? max(0, product / other) : 0
        factors.append(Float(factor))
        replacing.append(Float(apart.squareRoot()))
        scaled.append(Float(min(apart, max(0, skip - factor * product)).squareRoot()))
      }
    }
  }
}
