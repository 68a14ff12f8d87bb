// The special functions against figures from independent implementations (scipy 1.17, mpmath 1.3 at 30 digits).

import SiftCore
import Testing

@Suite struct `Special functions` {
  @Test(arguments: [
    (0, 1.0), (0.001, 0.9990007495835156), (1, 0.46575960759364043), (10, 0.1278333371634286),
    (39, 0.06408967575058332), (41, 0.062496943756818885), (500, 0.017845706500153165),
  ])
  func `the scaled Bessel I0 joins its series and its asymptote`(x: Double, expected: Double) {
    #expect(abs(SpecialFunctions.scaledBesselI0(x) / expected - 1) < 1e-13)
    #expect(SpecialFunctions.scaledBesselI0(-x) == SpecialFunctions.scaledBesselI0(x))
  }

  @Test(arguments: [
    (0.5, 0.1, 0.34527915398142317), (1, 1, 0.6321205588285577), (2.5, 3, 0.6937810815867212),
    (30, 25, 0.1821039159774551), (30, 50, 0.999083171138544), (1000, 1010, 0.6276789447369947),
  ])
  func `the incomplete gamma functions add up to one`(a: Double, x: Double, expected: Double) {
    #expect(abs(SpecialFunctions.gammaP(a, x) - expected) < 1e-11)
    #expect(abs(SpecialFunctions.gammaQ(a, x) - (1 - expected)) < 1e-11)
  }

  @Test(arguments: [
    (0, 1, 0.6065306597126334), (1, 1, 0.7328798037968202), (1, 3, 0.04371597157863569),
    (3, 1, 0.9891705501784521), (5, 6, 0.1818504229451436), (20, 21, 0.1646325310460304),
    (100, 99.5, 0.6932250159641273), (300, 302, 0.02283996753935264),
  ])
  func `Marcum's Q holds from Rayleigh to nearly certain`(a: Double, b: Double, expected: Double) {
    #expect(abs(SpecialFunctions.marcumQ1(a, b) - expected) < 1e-10)
  }

  @Test func `Marcum's Q is certain at zero and falls with the threshold`() {
    for a in [0.0, 0.3, 2, 17, 250] {
      #expect(SpecialFunctions.marcumQ1(a, 0) == 1)
      var last = 1.0
      for step in 1...400 {
        let value = SpecialFunctions.marcumQ1(a, Double(step) * (a + 10) / 400)
        #expect(value <= last + 1e-12 && value >= 0)
        last = value
      }
      #expect(last < 1e-9)
    }
  }

  @Test(arguments: [
    (0.5, -1.9635100260214235, 4.934802200544679), (1, -0.5772156649015329, 1.6449340668482264),
    (3, 0.9227843350984671, 0.3949340668482264), (100, 4.600161852738088, 0.010050166663333571),
  ])
  func `digamma and trigamma`(x: Double, first: Double, second: Double) {
    #expect(abs(SpecialFunctions.digamma(x) - first) < 1e-12)
    #expect(abs(SpecialFunctions.trigamma(x) - second) < 1e-12)
  }

  @Test func `what lies outside the domain is not a number`() {
    #expect(SpecialFunctions.gammaP(0, 1).isNaN)
    #expect(SpecialFunctions.gammaQ(1, -1).isNaN)
    #expect(SpecialFunctions.marcumQ1(-1, 1).isNaN)
    #expect(SpecialFunctions.digamma(0).isNaN)
  }
}
