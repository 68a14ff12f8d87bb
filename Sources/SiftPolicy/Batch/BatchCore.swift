// The memory in which batches are decided: allocated once, grown only beyond what was ever needed.

import SiftCore

/// Raw memory that is kept from one decision to the next. What it holds between two decisions means nothing.
struct Flat<Element: BitwiseCopyable> {
  private var base: UnsafeMutablePointer<Element>
  private var capacity: Int

  init() {
    base = .allocate(capacity: 1)
    capacity = 1
  }

  /// Makes room for `count` elements; those that were there stay.
  mutating func reserve(_ count: Int) {
    guard count > capacity else { return }
    let room = max(count, 2 * capacity)
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: room)
    larger.update(from: base, count: capacity)
    base.deallocate()
    base = larger
    capacity = room
  }

  /// Makes room for `count` elements, all of them `value`.
  mutating func fill(_ count: Int, _ value: Element) {
    reserve(count)
    base.update(repeating: value, count: count)
  }

  /// - Precondition: 0 ≤ `index` < what was reserved.
  subscript(_ index: Int) -> Element {
    @inline(__always) get {
      assert(index >= 0 && index < capacity)
      return base[index]
    }
    @inline(__always) nonmutating set {
      assert(index >= 0 && index < capacity)
      base[index] = newValue
    }
  }

  /// Its memory, until the next `reserve`.
  var pointer: UnsafeMutablePointer<Element> { base }

  /// Copies `count` elements of `other` to the beginning.
  mutating func copy(_ other: Flat, count: Int) {
    reserve(count)
    base.update(from: other.base, count: count)
  }

  func free() { base.deallocate() }
}

/// What a bound takes for granted about the load of a slot.
enum SlotState: UInt8, BitwiseCopyable { case free, open, closed }

/// A batch problem laid out flat, with everything that deciding it needs. Sizes: M tokens, N places (0 is the gateway),
/// S slots (a slot is one hosted expert: place and expert), K routed experts a token at most.
///
/// Places stand in an order that follows from their figures alone, so that an answer does not depend on how the problem
/// lists them.
struct BatchCore {
  // MARK: The problem
  var tokens = 0
  var places = 0
  var experts = 0
  var slots = 0
  var ranksMax = 0
  var hasLoads = false
  /// Whether computing takes time that the latency limit could see.
  var hasTimes = false
  /// Whether no table ever falls: only then is a plan that does less never dearer.
  var isMonotone = true
  var errorBudget = 0.0
  var latencyLimit = Double.infinity
  var wakeEnergy = 0.0
  var wakeTime = 0.0
  /// `[place]`: its number in the problem.
  var origin = Flat<Int>()
  /// `[place, m]`: joules and seconds of serving m tokens; and the least of serving m or more.
  var radio = Flat<Double>()
  var air = Flat<Double>()
  var radioLow = Flat<Double>()
  var airLow = Flat<Double>()
  /// `[place]`: joules and seconds of an execution and of a load.
  var kappa = Flat<Double>()
  var seconds = Flat<Double>()
  var loadJoules = Flat<Double>()
  var loadSeconds = Flat<Double>()
  /// `[place]`: its first slot; element N is the end.
  var slotStart = Flat<Int>()
  var slotPlace = Flat<Int>()
  var slotExpert = Flat<Int>()
  /// `[place, expert]`: the slot, or −1.
  var slotOf = Flat<Int>()
  var isRemoved = Flat<Bool>()
  /// `[token]`: its own limit of the error.
  var limit = Flat<Double>()
  /// Bit p: place p is remote and could serve somebody.
  var usefulPlaces: UInt32 = 0

  // MARK: The token at work
  var ranks = 0
  var columns = 0
  var skip = Flat<Double>()
  var columnSlot = Flat<Int>()
  var columnRank = Flat<Int>()
  /// `[place]`: its first column; element N is the end.
  var columnStart = Flat<Int>()
  /// `[column]`: bit r: rank r is served better than by a skip.
  var columnUseful = Flat<UInt64>()
  /// `[rank]`: its weight, and where its row of distances begins.
  var weight = Flat<Double>()
  var row = Flat<Int>()
  /// `[column, rank]`: weighted error; infinite where a skip is as near.
  var value = Flat<Double>()
  /// `[place, rank]`: the nearest column (−1: none) and its error.
  var nearest = Flat<Int>()
  var nearestValue = Flat<Double>()
  /// `[depth, rank]`, `[depth]`: for the searches over columns.
  /// `[token, place, rank]`, where plans are not complete: the least error over the columns that the rank owns there, and
  /// over those it does not own. A column is owned by one rank, the one that loses least by it.
  var ownedLeast = Flat<Double>()
  var sharedLeast = Flat<Double>()
  /// `[token, rank]`: weighted error of a skip.
  var skipOf = Flat<Double>()
  /// `[token]`: K.
  var ranksOf = Flat<Int>()
  var placeCost = Flat<Double>()
  var placeError = Flat<Double>()
  /// `[set, rank]`: the cheapest priced way of serving a rank within a set of places, and its error.
  var setCost = Flat<Double>()
  var setError = Flat<Double>()
  var level = Flat<Double>()
  var owner = Flat<Int>()
  var open = Flat<Int>()
  var isCandidate = Flat<Bool>()
  var suffix = Flat<Double>()
  var boundBest = 0.0
  var boundSteps = 0

  // MARK: Plans: what one token can do, as the set of slots that it executes
  var planCount = 0
  var planSlotCount = 0
  var isComplete = true
  /// Whether every token has a plan within its own limit.
  var isServable = true
  /// `[plan]`
  var planError = Flat<Double>()
  var planEnergy = Flat<Double>()
  var planMask = Flat<UInt32>()
  var planFirst = Flat<Int32>()
  var planSize = Flat<Int32>()
  var planKey = Flat<UInt64>()
  var planBits = Flat<UInt64>()
  var planSlots = Flat<Int32>()
  /// `[token]`: its first plan; element M is the end.
  var tokenFirst = Flat<Int>()
  var sets = Flat<UInt32>()
  var setCount = 0
  var isEverySet = true
  var order = Flat<Int>()
  var orderKey = Flat<Double>()

  // MARK: Prices
  /// Joules a unit of error (λ) and a second (μ).
  var priceError = 0.0
  var priceTime = 0.0
  /// `[place]`: joules a token (π), and the share of μ that falls on its computing (σ).
  var pricePlace = Flat<Double>()
  var priceShare = Flat<Double>()
  /// `[token, slot]`: a token's part of a load.
  var priceLoad = Flat<Double>()
  var priceSlot = Flat<Double>()
  var priceSet = Flat<Double>()
  var keptError = 0.0
  var keptTime = 0.0
  var keptPlace = Flat<Double>()
  var keptShare = Flat<Double>()
  var keptLoad = Flat<Double>()
  var slopeError = 0.0
  var slopeTime = 0.0
  var slopePlace = Flat<Double>()
  var usage = Flat<Double>()
  /// `[place]`: how many tokens the decisions at work may send there, and where the table's priced cost is least.
  var countLow = Flat<Int>()
  var countHigh = Flat<Int>()
  var countBest = Flat<Int>()
  /// `[slot]`: whether a load is taken as paid for (`open`) or not to happen (`closed`).
  var slotState = Flat<SlotState>()
  var branchSteps = 0
  var branchPrices = Flat<Double>()
  /// `[place]`: how many tokens could go there.
  var countMax = Flat<Int>()
  /// `[token]`: the plan at the present prices and what it costs there; kept: where a search starts.
  var pick = Flat<Int>()
  var pickCost = Flat<Double>()
  var keptPick = Flat<Int>()

  // MARK: The decision at work
  /// `[token]`: its plan.
  var current = Flat<Int>()
  var errorSum = 0.0
  /// `[place]`: tokens served, executions, experts executed.
  var served = Flat<Int>()
  var executed = Flat<Int>()
  var loaded = Flat<Int>()
  /// `[slot]`: tokens that execute it.
  var users = Flat<Int>()
  /// Whether `floor` bounds anything: the places are few enough for a figure for every set of them, and it is wanted.
  var hasFloors = true
  /// `[set]`, places from 1 on as bits: what the decision cannot undercut with one token more that goes there.
  var floorEnergy = Flat<Double>()
  var floorTime = Flat<Double>()
  var penaltyError = 0.0
  var penaltyTime = 0.0
  /// Lists of plans, each a choice from the one before; `[list, token]`: where the token's plans stand in `listPlans`.
  var listDepth = 0
  var listFirst = Flat<Int>()
  var listEnd = Flat<Int>()
  var listPlans = Flat<Int32>()
  /// Parallel to `listPlans`: what the plan costs at the prices of the last evaluation.
  var listCost = Flat<Double>()
  var kept = Flat<Int>()
  var random = SplitMix(seed: 0)
  /// What no token may change to for the moment: plans that execute a slot (−1: none) or go to certain places.
  var bannedSlot = -1
  var bannedPlaces: UInt32 = 0
  /// Plans that may still be tried.
  var work = 0

  /// Proved: no decision costs less.
  var bound = 0.0

  // MARK: The best decision
  var best = Flat<Int>()
  var bestEnergy = Double.infinity
  /// By how much it breaks limits; 0 for none. Infinite: there is no decision yet.
  var bestExcess = Double.infinity
  /// `[set]`: proved bounds of the used sets of places.
  var setBound = Flat<Double>()
  var setOrder = Flat<Int>()
  /// `[depth]`: the least error of the tokens from there on, in the proof's order.
  var errorsLeft = Flat<Double>()
  var proofSteps = 0
  var proofBound = 0.0

  func free() {
    origin.free(); radio.free(); air.free(); radioLow.free(); airLow.free(); kappa.free(); seconds.free()
    loadJoules.free(); loadSeconds.free(); slotStart.free(); slotPlace.free(); slotExpert.free()
    slotOf.free(); isRemoved.free(); limit.free(); skip.free(); columnSlot.free(); columnRank.free()
    value.free(); nearest.free(); nearestValue.free(); ownedLeast.free(); sharedLeast.free(); skipOf.free()
    ranksOf.free(); placeCost.free(); placeError.free(); level.free(); owner.free(); open.free()
    isCandidate.free(); suffix.free(); planError.free(); planEnergy.free(); planMask.free(); planFirst.free()
    planSize.free(); planKey.free(); planBits.free(); planSlots.free(); tokenFirst.free(); sets.free()
    order.free(); orderKey.free(); pricePlace.free(); priceShare.free(); priceLoad.free(); priceSlot.free()
    priceSet.free(); keptPlace.free(); keptShare.free(); keptLoad.free(); slopePlace.free(); usage.free()
    countLow.free(); countHigh.free(); countBest.free(); slotState.free(); branchPrices.free()
    countMax.free(); pick.free(); pickCost.free(); keptPick.free(); current.free()
    floorEnergy.free(); floorTime.free(); columnStart.free(); columnUseful.free()
    weight.free(); row.free(); setCost.free(); setError.free()
    served.free(); executed.free(); loaded.free(); users.free(); listFirst.free(); listEnd.free()
    listPlans.free(); listCost.free(); kept.free(); best.free(); setBound.free(); setOrder.free()
    errorsLeft.free()
  }
}
