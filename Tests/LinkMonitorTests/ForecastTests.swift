// Forecasts of goodput and outage on four links that were recorded for forty minutes.

import Foundation
import LinkMonitor
import SiftCore
import Testing

@Suite struct ForecastTests {
  private func recorded() throws -> [ForecastTrace.Row] {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try ForecastTrace.rows(
      String(contentsOf: here.appendingPathComponent("Data/wifi-four-links.csv"), encoding: .utf8))
  }

  @Test func goodputASecondAheadIsBetterThanTheLastValueAndThanEveryMovingMean() throws {
    let score = GoodputScore(try recorded())
    #expect(score.count > 4000)
    #expect(score.forecast < 0.96 * score.lastValue, "\(score.forecast) against \(score.lastValue)")
    for mean in score.movingMeans { #expect(score.forecast < 0.96 * mean.error, "weight \(mean.weight)") }
    // On every one of the links, not only in the mean.
    for link in score.links { #expect(link.forecast < link.lastValue, "\(link.name)") }
  }

  @Test(arguments: [1e6, 2e6, 5e6, 10e6, 20e6]) func outageForecastsAreCalibrated(threshold: Double) throws {
    let score = OutageScore(try recorded(), below: threshold)
    #expect(score.count > 5000)
    #expect(score.brier < 0.3 * score.climatology, "\(score.brier) against \(score.climatology)")
    #expect(score.calibrationError < 0.05)
    for bin in score.bins where bin.count >= 100 { #expect(abs(bin.forecast - bin.came) < 0.2, "\(bin)") }
  }

  @Test func nothingSeenIsNothingForeseen() {
    var forecaster = GoodputForecaster()
    #expect(forecaster.next == nil && forecaster.outage(below: 1e6) == nil)
    forecaster.observe(GoodputSample(goodput: .nan))
    forecaster.observe(GoodputSample(goodput: 0))
    #expect(forecaster.next == nil && forecaster.outage(below: 1e6) == nil)
    forecaster.observe(GoodputSample(goodput: 5e6))
    #expect(forecaster.next.map { $0 > 1e6 && $0 < 25e6 } == true)
  }

  @Test func aSteadyLinkIsForecastAsSteady() throws {
    var forecaster = GoodputForecaster()
    for second in 0..<60 {
      forecaster.observe(GoodputSample(goodput: 20e6 * (second % 2 == 0 ? 1.02 : 0.98), rate: 65e6))
    }
    #expect(abs(try #require(forecaster.next) / 20e6 - 1) < 0.05)
    #expect(try #require(forecaster.outage(below: 10e6)) < 0.05)
    #expect(try #require(forecaster.outage(below: 40e6)) > 0.95)
  }

  @Test func oneStalledSecondRaisesTheChanceOfAnother() throws {
    var forecaster = GoodputForecaster()
    for second in 0..<100 { forecaster.observe(GoodputSample(goodput: second % 20 < 4 ? 0 : 20e6)) }
    let running = try #require(forecaster.outage(below: 1e6))
    forecaster.observe(GoodputSample(goodput: 0))
    let stalled = try #require(forecaster.outage(below: 1e6))
    #expect(running < 0.2 && stalled > 0.5)
  }

  @Test func aRowThatIsNoRowIsNamed() {
    #expect(throws: ForecastTrace.Problem.self) { try ForecastTrace.rows("time_s,link\n1,a\n") }
    #expect(throws: ForecastTrace.Problem.self) {
      try ForecastTrace.rows("time_s,link,rssi_dbm,phy_rate_mbps,goodput_mbps,traffic_on\n0,a,-50,6,x,1\n")
    }
  }
}
