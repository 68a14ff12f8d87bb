// The scheduler: one thread of its own that owns the engine, and a door that any thread may use.

import Dispatch
import ExpertExec
import Glibc
import HostIO
import SiftCore
import Synchronization

/// Admits requests and runs steps on a thread of its own.
public final class Scheduler: Sendable {
  /// Why a request was not taken.
  public enum Refusal: Error, Hashable {
    case queueFull(waiting: Int)
    case stopping
  }

  private enum Command: Sendable {
    case submit(GenerationRequest, UInt64, @Sendable (GenerationEvent) -> Void)
    case cancel(UInt64)
    case cancelAll
    case challenge
  }

  private struct State {
    var inbox: [Command] = []
    var isClosed = false
    var isRunning = false
    var next: UInt64 = 1
    /// Sequences that were taken and have not ended.
    var sequences = 0
    var waitingLimit: Int
    var figures = SchedulerFigures()
    var moved: UInt64 = 0
  }

  private let state: Mutex<State>
  private let bell = DispatchSemaphore(value: 0)
  private let stopped = DispatchSemaphore(value: 0)
  private let runningLimit: Int

  public init(limits: SchedulerLimits) {
    state = Mutex(State(waitingLimit: limits.waiting))
    runningLimit = limits.running
  }

  // MARK: Any thread

  /// Takes a request, or says at once that it cannot.
  /// - Returns: its events. Dropping the stream cancels the request.
  public func submit(_ request: GenerationRequest) throws(Refusal) -> RunningGeneration {
    let (stream, events) = AsyncStream<GenerationEvent>.makeStream()
    let answer: Result<UInt64, Refusal> = state.withLock { state in
      guard !state.isClosed else { return .failure(.stopping) }
      let waiting = max(0, state.sequences + request.sequences - runningLimit)
      // A request alone is always taken, however many sequences it has.
      guard state.sequences == 0 || waiting <= state.waitingLimit else {
        return .failure(.queueFull(waiting: max(0, state.sequences - runningLimit)))
      }
      let number = state.next
      state.next += 1
      state.sequences += request.sequences
      state.inbox.append(
        .submit(request, number) { event in
          events.yield(event)
          if case .done = event { events.finish() }
        })
      return .success(number)
    }
    let number = try answer.get()
    events.onTermination = { [weak self] reason in
      if case .cancelled = reason { self?.post(.cancel(number)) }
    }
    bell.signal()
    return RunningGeneration(events: stream) { [weak self] in self?.post(.cancel(number)) }
  }

  /// Takes no more requests; those that were taken go on.
  public func close() {
    state.withLock { $0.isClosed = true }
    bell.signal()
  }

  /// Whether requests are taken.
  public var isOpen: Bool { state.withLock { !$0.isClosed } }

  /// Ends every request as cancelled.
  public func cancelAll() { post(.cancelAll) }

  public func setWaitingLimit(_ limit: Int) { state.withLock { $0.waitingLimit = limit } }

  public var figures: SchedulerFigures { state.withLock { $0.figures } }

  /// Asks the thread for a sign of life; `moved` then grows.
  public func challenge() { post(.challenge) }
  public var moved: UInt64 { state.withLock { $0.moved } }

  private func post(_ command: Command) {
    state.withLock { $0.inbox.append(command) }
    bell.signal()
  }

  // MARK: The thread

  /// What the thread needs to begin.
  public struct Parts: Sendable {
    /// Makes the engine, on the thread that will use it.
    public var makeEngine: @Sendable () throws -> any TokenEngine
    public var model: any ServedModel
    public var energy: any EnergyWindows
    public var limits: SchedulerLimits
    /// Called on the scheduler's thread when a request's books are closed; must not wait.
    public var finished: @Sendable (GenerationRequest, GenerationSummary) -> Void

    public init(
      makeEngine: @escaping @Sendable () throws -> any TokenEngine, model: any ServedModel, energy: any EnergyWindows,
      limits: SchedulerLimits, finished: @escaping @Sendable (GenerationRequest, GenerationSummary) -> Void
    ) {
      self.makeEngine = makeEngine
      self.model = model
      self.energy = energy
      self.limits = limits
      self.finished = finished
    }
  }

  /// Starts the thread and waits until its engine stands. - Throws: why the engine could not be made.
  public func start(_ parts: Parts) async throws {
    state.withLock { $0.isRunning = true }
    try await withCheckedThrowingContinuation { (ready: CheckedContinuation<Void, any Error>) in
      DedicatedThread.start { [self] in
        do {
          let loop = makeLoop(parts, engine: try parts.makeEngine())
          ready.resume()
          run(loop)
        } catch {
          state.withLock { $0.isRunning = false }
          ready.resume(throwing: error)
        }
        stopped.signal()
      }
    }
  }

  /// Waits until the thread has ended, after `close` and every request it took. Blocks the calling thread.
  public func waitUntilStopped() {
    guard state.withLock({ $0.isRunning }) else { return }
    stopped.wait()
    // For the next one who asks.
    stopped.signal()
  }

  private func makeLoop(_ parts: Parts, engine: any TokenEngine) -> StepLoop {
    let clock = ContinuousClock()
    return StepLoop(
      engine: engine, model: parts.model, energy: parts.energy, limits: parts.limits, now: { clock.now },
      processorSeconds: ProcessorClock.seconds,
      finished: { [self] request, summary in
        state.withLock { $0.sequences -= request.sequences }
        parts.finished(request, summary)
      })
  }

  private func run(_ loop: StepLoop) {
    while true {
      let (commands, isClosed) = state.withLock { state in
        defer { state.inbox.removeAll(keepingCapacity: true) }
        state.moved &+= 1
        state.figures = loop.figures
        return (state.inbox, state.isClosed)
      }
      for command in commands { apply(command, to: loop) }
      if !loop.isIdle {
        loop.step()
      } else if isClosed && commands.isEmpty {
        return
      } else if commands.isEmpty, !loop.rest() {
        bell.wait()
      }
    }
  }

  private func apply(_ command: Command, to loop: StepLoop) {
    switch command {
    case .submit(let request, let number, let emit): loop.submit(request, number: number, emit: emit)
    case .cancel(let number): loop.cancel(number)
    case .cancelAll: loop.cancelAll()
    case .challenge: break
    }
  }
}

/// A request that was taken.
public struct RunningGeneration: Sendable {
  /// Its events; dropping the stream cancels the request.
  public let events: AsyncStream<GenerationEvent>
  /// Ends it early: `events` then closes with a cancelled summary.
  public let cancel: @Sendable () -> Void
}

/// Processor time of this process over all its threads.
enum ProcessorClock {
  @Sendable static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
