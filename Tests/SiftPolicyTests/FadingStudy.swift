// A simulated gateway over fading links: the world in which the fading policies are compared.
//
// Rates and the signal they need: 802.11n, 20 MHz, one stream, long guard interval (IEEE 802.11-2012, table 20-30), with the
// sensitivities of table 20-23 less thermal noise (−101 dBm) and the 10 dB noise figure that the standard assumes; of
// a rate, 65 % is goodput.

import Glibc
import SiftPolicy

/// What one policy believes of a visit beforehand.
struct VisitBelief {
  var energy: Double
  var law: VisitLaw
}

/// What a policy knows of the channels: for every token and node an entry of a table.
struct ChannelKnowledge {
  /// `[node]` → beliefs.
  var table: [[VisitBelief]]
  /// `[token × nodes + node]`: which belief.
  var index: [UInt16]
}

/// How a policy did.
struct StudyOutcome {
  /// Mean joules of radio and computing a token, as the visits really went.
  var energy: Double
  /// Mean error, fallbacks included.
  var error: Double
  /// Of the tokens that visit anybody, the share for which some visit failed or all together took too long.
  var late: Double
  /// Mean λ.
  var price: Double

  /// Energy at exactly the error `budget`, to first order: what is missing or too much is priced at λ.
  func energy(at budget: Double) -> Double { energy + price * (error - budget) }
}

struct FadingStudy {
  static let nodes = 3
  static let perToken = 4
  static let experts = 16
  static let budget = 0.15
  /// ε_max: as much as the layer itself adds.
  static let cap = 1.0
  static let limit = 0.03
  static let meanDecibels = [20.0, 17, 14]
  static let bits = 64_000.0
  static let price = VisitForecast.Price(power: 2.5, perVisit: 2e-4, overhead: 3e-4, outage: 0.02)
  /// The sample is read in steps of a quarter decibel from here up.
  static let sampleFrom = -40.0
  static let samples = 213

  let tokens: Int
  let rates: RateTable
  let channels: [FadingChannel]
  /// `[token, node]`: the complex gains at the time of use.
  private let gains: [(Double, Double)]
  /// `[token, node]`: 0 for an outage, else 1 + index of the rate.
  private let outcomes: [UInt8]
  /// `[token, rank]`.
  private let routed: [RoutedExpert]
  private let base: TokenProblem

  init(tokens: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    self.tokens = tokens
    let ladder: [(decibels: Double, megabits: Double)] = [
      (9, 6.5), (12, 13), (14, 19.5), (17, 26), (21, 39), (25, 52), (26, 58.5), (27, 65),
    ]
    let rates = RateTable(
      ladder.map { .init(minimumSNR: pow(10, $0.decibels / 10), goodput: 0.65e6 * $0.megabits) })!
    self.rates = rates
    channels = Self.meanDecibels.map { FadingChannel(meanSNR: pow(10, $0 / 10), riceFactor: 0, doppler: 1)! }
    gains = (0..<tokens * Self.nodes).map { _ in
      (random.normal() * 0.5.squareRoot(), random.normal() * 0.5.squareRoot())
    }
    let channels = channels
    outcomes = gains.enumerated().map { at, gain in
      let snr = channels[at % Self.nodes].meanSNR * (gain.0 * gain.0 + gain.1 * gain.1)
      return UInt8(rates.entries.count { $0.minimumSNR <= snr })
    }
    base = Self.problem(&random)
    routed = Self.routing(tokens, &random)
  }

  private static func problem(_ random: inout SeededGenerator) -> TokenProblem {
    var replacing = (0..<experts * experts).map { _ in Double.random(in: 0.6...1.5, using: &random) }
    for expert in 0..<experts { replacing[expert * experts + expert] = 0 }
    var hosted = (0...nodes).map { node in (0..<experts).filter { $0 % (nodes + 1) == node } }
    for expert in stride(from: 0, to: experts, by: 3) { hosted[(expert + 1) % (nodes + 1)].append(expert) }
    return TokenProblem(
      routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken),
      distance: DistanceMatrix(
        experts: experts, replacing: replacing,
        skipping: (0..<experts).map { _ in .random(in: 0.7...1.2, using: &random) }),
      places: hosted.map { ExpertPlace(experts: $0, computeEnergy: 1e-5, computeTime: 1e-4) },
      wakeEnergy: 1e-3, wakeTime: 3e-3, errorBudget: cap, latencyLimit: limit)
  }

  private static func routing(_ tokens: Int, _ random: inout SeededGenerator) -> [RoutedExpert] {
    var routed: [RoutedExpert] = []
    var ids = Array(0..<experts)
    for _ in 0..<tokens {
      let raw = (0..<perToken).map { _ in exp(Double.random(in: -1.5...1.5, using: &random)) }
      let sum = raw.reduce(0, +)
      ids.shuffle(using: &random)
      for rank in 0..<perToken { routed.append(RoutedExpert(expert: ids[rank], weight: raw[rank] / sum)) }
    }
    return routed
  }

  // MARK: What policies know

  private func belief(_ node: Int, _ forecast: GainForecast) -> VisitBelief {
    var steps: [AirtimeStep] = []
    let visit = VisitForecast(
      gain: forecast, meanSNR: channels[node].meanSNR, table: rates, bits: Self.bits, price: Self.price,
      limit: Self.limit - 3e-3, steps: &steps)
    return VisitBelief(energy: visit.energy, law: VisitLaw(outage: visit.outage, steps: steps))
  }

  /// Only the channels' own laws.
  var means: ChannelKnowledge {
    ChannelKnowledge(
      table: channels.indices.map { [belief($0, GainForecast(of: channels[$0]))] },
      index: Array(repeating: 0, count: gains.count))
  }

  /// How every visit will go.
  var everything: ChannelKnowledge {
    let table = channels.indices.map { node in
      (0...rates.entries.count).map { outcome in
        let snr = outcome == 0 ? 0 : rates.entries[outcome - 1].minimumSNR * 1.0001
        return belief(node, GainForecast(of: channels[node], sampledGain: snr / channels[node].meanSNR, age: 0))
      }
    }
    return ChannelKnowledge(table: table, index: outcomes.map(UInt16.init))
  }

  /// A sample of every gain that is `turns` = f_D·τ old, in steps of a quarter decibel.
  /// - Parameter isBelieved: the sample is taken for the gain at the time of use; else it is a forecast's condition.
  func sample(turns: Double, isBelieved: Bool, seed: UInt64 = 91) -> ChannelKnowledge {
    var random = SeededGenerator(seed: seed)
    let rho = channels[0].correlation(age: turns)
    let rest = ((1 - rho * rho) / 2).squareRoot()
    let index = gains.map { gain in
      let (a, b) = (rho * gain.0 + rest * random.normal(), rho * gain.1 + rest * random.normal())
      let decibels = 10 * log10(max(1e-30, a * a + b * b))
      return UInt16(min(Double(Self.samples - 1), max(0, ((decibels - Self.sampleFrom) * 4).rounded())))
    }
    let table = channels.indices.map { node in
      (0..<Self.samples).map { at in
        let gain = pow(10, (Self.sampleFrom + Double(at) / 4) / 10)
        return belief(
          node, GainForecast(of: channels[node], sampledGain: gain, age: isBelieved ? 0 : turns))
      }
    }
    return ChannelKnowledge(table: table, index: index)
  }

  // MARK: Policies

  /// The unit of prices here: a visit on the mean channel.
  var scale: PriceScale {
    let visits = means.table.map { $0[0].energy }
    return PriceScale(visit: base.wakeEnergy + visits.reduce(0, +) / Double(visits.count), budget: Self.budget)!
  }

  /// The fading policy with its queue, or at a fixed price.
  /// - Parameter firstPrice: where the queue starts, in units of the scale.
  /// - Parameter lateness: δ; 1 leaves outages to be priced alone.
  func run(
    _ knowledge: ChannelKnowledge, price: Double? = nil, lateness: Double = 1,
    firstPrice: Double = PriceScale.firstPrice, tokens count: Int? = nil
  ) -> StudyOutcome {
    let selector = FadingSelector(routed: Self.perToken, places: Self.nodes + 1, columns: 2 * Self.experts)
    var queue = scale.queue(units: firstPrice)!
    var problem = FadingProblem(
      token: base, laws: base.places.map { _ in .certain }, price: 0, lateness: lateness)
    var answer = FadingAnswer(capacity: Self.perToken)
    return walk(count ?? tokens) { token in
      for node in 0..<Self.nodes {
        let belief = knowledge.table[node][Int(knowledge.index[token * Self.nodes + node])]
        problem.token.places[node + 1].radioEnergy = belief.energy
        problem.laws[node + 1] = belief.law
      }
      for rank in 0..<Self.perToken { problem.token.routed[rank] = routed[token * Self.perToken + rank] }
      problem.price = price ?? queue.price
      selector.solve(problem, into: &answer)
      return (answer.choices, problem.price)
    } book: {
      queue.book(error: $0)
    }
  }

  /// A policy that knows the mean costs only, with its knob.
  func run(_ name: PolicyName, knob: Double, tokens count: Int? = nil) -> StudyOutcome {
    let policy = ExpertPolicy(name, routed: Self.perToken, places: Self.nodes + 1, columns: 2 * Self.experts)
    var problem = base
    let means = means.table
    for node in 0..<Self.nodes { problem.places[node + 1].radioEnergy = means[node][0].energy }
    problem.errorBudget = knob
    var answer = TokenAnswer(capacity: Self.perToken)
    return walk(count ?? tokens) { token in
      for rank in 0..<Self.perToken { problem.routed[rank] = routed[token * Self.perToken + rank] }
      policy.decide(problem, into: &answer)
      return (answer.choices, 0)
    } book: { _ in
    }
  }

  /// Takes every token through its visits as they really go.
  private func walk(
    _ count: Int, decide: (Int) -> ([TokenChoice], Double), book: (Double) -> Void
  ) -> StudyOutcome {
    var total = StudyOutcome(energy: 0, error: 0, late: 0, price: 0)
    var problem = base
    var visitors = 0.0
    for token in 0..<count {
      for rank in 0..<Self.perToken { problem.routed[rank] = routed[token * Self.perToken + rank] }
      let (choices, price) = decide(token)
      let (error, isLate) = go(token, problem, choices, &total.energy)
      book(error)
      total.error += error
      total.price += price
      guard choices.contains(where: { $0.place > 0 }) else { continue }
      visitors += 1
      total.late += isLate ? 1 : 0
    }
    let n = Double(count)
    return StudyOutcome(
      energy: total.energy / n, error: total.error / n, late: total.late / max(1, visitors), price: total.price / n)
  }

  private func go(
    _ token: Int, _ problem: TokenProblem, _ choices: [TokenChoice], _ energy: inout Double
  ) -> (error: Double, isLate: Bool) {
    // Wake-up and computing; the places' radio energy is 0 here.
    let sums = DecisionSums(problem, choices)
    energy += sums.energy
    var error = sums.error
    var isLate = false
    var airtime = 0.0
    for node in 0..<Self.nodes where choices.contains(where: { !$0.isSkip && $0.place == node + 1 }) {
      let outcome = Int(outcomes[token * Self.nodes + node])
      let time = outcome == 0 ? .infinity : Self.price.overhead + Self.bits / rates.entries[outcome - 1].goodput
      if time <= Self.limit - 3e-3 {
        energy += Self.price.perVisit + Self.price.power * time
        airtime += time
        continue
      }
      energy += Self.price.perVisit + Self.price.outage
      isLate = true
      for rank in choices.indices where !choices[rank].isSkip && choices[rank].place == node + 1 {
        let routed = problem.routed[rank]
        error -= routed.weight * problem.distance.replacing(routed.expert, by: choices[rank].target)
        error += problem.standIn(for: rank).error
      }
    }
    return (error, isLate || sums.latency + airtime > Self.limit)
  }
}
