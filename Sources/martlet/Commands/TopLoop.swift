import ControlAPI
import Foundation

/// `martlet top` on a terminal: asks, draws, waits for a key, the clock or a signal, again and
/// again. The terminal is given back as it was, however this ends.
struct TopLoop {
  let options: ControlOptions
  let intervalSeconds: Double
  private var model: TopModel
  private var client: ControlClient?
  private let count: Int?

  init(
    options: ControlOptions, order: FlowOrder, count: Int?, intervalSeconds: Double
  ) {
    self.options = options
    self.count = count
    self.intervalSeconds = intervalSeconds
    model = TopModel(order: order)
  }

  mutating func run() throws {
    // A daemon that is not there at all is an error, and not a screen that waits for it.
    client = try options.connect(timeoutSeconds: 5)
    try refresh()
    let screen = try Screen()
    defer { screen.leave() }
    let style = Style.ofStandardOutput()
    var nextRefresh = Date().addingTimeInterval(intervalSeconds)
    while true {
      let size = Output.size()
      screen.draw(TopView(model: model, size: size, style: style).lines())
      switch screen.wait(seconds: max(0, nextRefresh.timeIntervalSinceNow)) {
      case .key(let key):
        if !handle(key, screen) { return }
        if !model.isPaused { try refresh() }
      case .resized:
        // A higher screen has room for more flows.
        if !model.isPaused { try refresh() }
      case .resumed:
        // The shell may have changed the terminal in between.
        screen.leave()
        screen.enter()
      case .ended(let signal):
        screen.leave()
        Screen.end(with: signal)
      case .timeout:
        if !model.isPaused { try refresh() }
        nextRefresh = Date().addingTimeInterval(intervalSeconds)
      }
    }
  }

  /// False where the key says to quit.
  private mutating func handle(_ key: Keyboard.Key, _ screen: Screen) -> Bool {
    switch key {
    case .character("q"), .character("Q"), .interrupt: return false
    case .character("r"): model.order = .rate
    case .character("k"): model.order = .packetRate
    case .character("b"): model.order = .bytes
    case .character("p"): model.order = .packets
    case .character(" "): model.isPaused.toggle()
    case .suspend: screen.suspend()
    default: break
    }
    return true
  }

  /// Asks for everything the view shows; where the daemon has gone away, says so and goes on.
  private mutating func refresh() throws {
    do {
      if client == nil { client = try options.connect(timeoutSeconds: 5) }
      guard let client else { return }
      let rows = count ?? max(1, min(Output.size().height, 200))
      let status = try client.call(.engineStatus, as: EngineStatus.self)
      let stats = try client.call(.statsGet, as: EngineStats.self)
      let flows = try client.call(
        .flowsTop, FlowsTopParameters(count: rows, by: model.order), as: FlowsTop.self)
      model.take(status, stats, flows)
    } catch let error as ControlClientError where model.status != nil && error.isPassing {
      client = nil
      model.problem = "\(error)"
    } catch let error as RPCError where model.status != nil && error.code == .tooManyClients {
      client = nil
      model.problem = error.message
    }
  }
}

extension ControlClientError {
  /// Whether it may be over when the daemon is back.
  fileprivate var isPassing: Bool {
    switch kind {
    case .unavailable, .connectionLost, .timedOut: true
    case .notPermitted, .badPath, .badAnswer: false
    }
  }
}
