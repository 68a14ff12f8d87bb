// A comparison's findings as one HTML page that needs nothing else: style, tables and plots are in it.

/// Renders a page.
public enum ComparisonPage {
  /// - Parameter plots: SVG documents with their captions.
  public static func html(_ findings: ComparisonFindings, plots: [(caption: String, svg: String)]) -> String {
    let title = escaped("\(findings.second.policy) against \(findings.first.policy)")
    var body = "<h1>\(title)</h1>\n<p class=\"verdict\">\(escaped(findings.verdict))</p>\n"
    body += table(["", findings.first.policy, findings.second.policy], ComparisonText.rows(findings))
    body += table(ComparisonText.ratioHeads(findings), ComparisonText.ratios(findings))
    for plot in plots {
      body += "<figure>\n\(inline(plot.svg))<figcaption>\(escaped(plot.caption))</figcaption>\n</figure>\n"
    }
    if !findings.remarks.isEmpty {
      body += "<ul>\n" + findings.remarks.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ul>\n"
    }
    body += "<p class=\"source\">\(escaped(ComparisonText.provenance(findings)))</p>\n"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 52em; margin: 2em auto; padding: 0 1em; color: #222; }
      table { border-collapse: collapse; margin: 1.5em 0; }
      th, td { padding: .25em .9em; border-bottom: 1px solid #ccc; text-align: right; white-space: pre; }
      th:first-child, td:first-child { text-align: left; }
      .verdict { font-size: 1.15em; font-weight: 600; }
      figure { margin: 1.5em 0; }
      figure svg { max-width: 100%; height: auto; }
      figcaption, .source { color: #666; font-size: .9em; }
      </style>
      </head>
      <body>
      \(body)</body>
      </html>

      """
  }

  private static func table(_ heads: [String], _ rows: [[String]]) -> String {
    let head = heads.map { "<th>\(escaped($0))</th>" }.joined()
    let lines = rows.map { "<tr>" + $0.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>\n" }.joined()
    return "<table>\n<tr>\(head)</tr>\n\(lines)</table>\n"
  }

  /// An SVG document as an element: without the XML declaration and the document type.
  static func inline(_ svg: String) -> String {
    guard let start = svg.firstRange(of: "<svg") else { return "" }
    return String(svg[start.lowerBound...])
  }

  static func escaped(_ text: String) -> String {
    var safe = ""
    for character in text {
      switch character {
      case "&": safe += "&amp;"
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      case "\"": safe += "&quot;"
      default: safe.append(character)
      }
    }
    return safe
  }
}
