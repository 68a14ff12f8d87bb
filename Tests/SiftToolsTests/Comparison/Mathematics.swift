// What the tests of comparisons need of Foundation.

import Foundation

func logarithm(_ x: Double) -> Double { log(x) }
func cosine(_ x: Double) -> Double { cos(x) }
func readFile(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
