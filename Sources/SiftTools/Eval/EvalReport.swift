// What an evaluation found, as JSON and for people.

import ExpertExec
import SiftPolicy

/// The figures of one policy on one text.
public struct EvalReport: Sendable, Hashable {
  public let policy: PolicyName
  public let errorBudget: Double
  /// λ of `siftmoe`, joules for each unit of mean square error; 0 for the other policies.
  public let price: Double
  /// Layers with experts.
  let layers: Int
  let quality: TextEvaluation
  let books: EvalBooks

  /// Tokens of the texts.
  public var tokens: Int { quality.tokens }
  /// Tokens that were predicted from others.
  public var predicted: Int { quality.predicted }
  /// Tokens that something was decided for: the last one of a window predicts nothing and is not taken through.
  private var decided: Double { Double(max(1, books.decisions)) / Double(layers) }
  /// Mean loss of a predicted token, in nats.
  public var logLoss: Double { quality.logLoss ?? .nan }
  public var perplexity: Double { quality.perplexity ?? .nan }
  public var accuracy: Double { quality.accuracy ?? .nan }
  /// Mean booked error of a (token, layer) pair.
  public var errorMean: Double { books.errorSum / Double(max(1, books.decisions)) }
  /// Root of the mean square of a layer's booked error, weighted with the sensitivities of the layers.
  public var errorRMS: Double { (books.squareSum / Double(max(1, books.decisions))).squareRoot() }
  /// Share of (token, layer) pairs whose limits could not all be kept.
  public var infeasibleShare: Double { Double(books.infeasible) / Double(max(1, books.decisions)) }
  public var visitsPerToken: Double { perToken(books.visits) }
  public var layersWithVisitPerToken: Double { perToken(books.layersWithVisit) }
  public var joulesPerToken: Double { books.joules / decided }
  public var secondsPerToken: Double { books.seconds / decided }
  public var expertsPerToken: (local: Double, remote: Double, replaced: Double, skipped: Double) {
    (perToken(books.local), perToken(books.remote), perToken(books.replaced), perToken(books.skipped))
  }

  private func perToken(_ count: Int) -> Double { Double(count) / decided }

  /// One line of JSON without a newline (docs/formats, `siftctl eval`).
  public var json: String {
    let experts = expertsPerToken
    let fields = [
      "\"tokens\": \(tokens)", "\"predicted\": \(predicted)", "\"log_loss_nats\": \(logLoss)",
      "\"perplexity\": \(perplexity)", "\"next_token_accuracy\": \(accuracy)", "\"policy\": \"\(policy.rawValue)\"",
      "\"error_mean\": \(errorMean)", "\"error_rms\": \(errorRMS)", "\"node_visits_per_token\": \(visitsPerToken)",
      "\"layers_with_a_visit_per_token\": \(layersWithVisitPerToken)",
      "\"experts_per_token\": {\"local\": \(experts.local), \"remote\": \(experts.remote), "
        + "\"replaced\": \(experts.replaced), \"skipped\": \(experts.skipped)}",
      "\"joules_per_token\": \(joulesPerToken)", "\"seconds_per_token_modelled\": \(secondsPerToken)",
      "\"standing\": \"modelled\"",
    ]
    return "{" + fields.joined(separator: ", ") + "}"
  }

  /// For people.
  public var text: String {
    let experts = expertsPerToken
    var lines = [
      "\(tokens) tokens, \(predicted) predicted, policy \(policy.rawValue), error budget \(errorBudget)",
      "log-loss     \(FigureText.fixed(logLoss, 4)) nats, perplexity \(FigureText.fixed(perplexity, 3)), "
        + "next token right \(FigureText.fixed(accuracy * 100, 2)) %",
      "a token      \(FigureText.fixed(visitsPerToken, 3)) node visits in "
        + "\(FigureText.fixed(layersWithVisitPerToken, 3)) layers, \(FigureText.prefixed(joulesPerToken, "J")) and "
        + "\(FigureText.prefixed(secondsPerToken, "s")) modelled",
      "its experts  \(FigureText.fixed(experts.local, 2)) local, \(FigureText.fixed(experts.remote, 2)) remote, "
        + "\(FigureText.fixed(experts.replaced, 2)) replaced, \(FigureText.fixed(experts.skipped, 2)) skipped",
      "error        \(FigureText.fixed(errorMean, 4)) a layer in the mean, \(FigureText.fixed(errorRMS, 4)) in the root "
        + "mean square",
    ]
    if books.infeasible > 0 {
      lines.append(
        "limits       not all kept in \(FigureText.fixed(infeasibleShare * 100, 2)) % of the layers: "
          + "decided by the least error within the latency")
    }
    return lines.joined(separator: "\n")
  }

  /// The table of a sweep, in Markdown.
  public static func sweepTable(_ reports: [EvalReport]) -> String {
    var rows = [
      "| error budget | node visits / token | layers with a visit | log-loss (nats) | perplexity | mJ / token (modelled) |",
      "|---|---|---|---|---|---|",
    ]
    for report in reports {
      rows.append(
        "| \(report.errorBudget) | \(FigureText.fixed(report.visitsPerToken, 3)) "
          + "| \(FigureText.fixed(report.layersWithVisitPerToken, 3)) | \(FigureText.fixed(report.logLoss, 4)) "
          + "| \(FigureText.fixed(report.perplexity, 3)) | \(FigureText.fixed(report.joulesPerToken * 1000, 3)) |")
    }
    return rows.joined(separator: "\n")
  }
}
