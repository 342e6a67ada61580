import ControlAPI
import Foundation

/// `martlet top` on a terminal: draws, waits for a key, the clock, an answer or a signal, again and
/// again. The terminal is given back as it was, however this ends.
struct TopLoop {
  private var model: TopModel
  private let fetcher: TopFetcher
  private let count: Int?
  private var nextRequest = Date()

  init(
    options: ControlOptions, order: FlowOrder, key: FlowKeyKind, expression: String, count: Int?,
    intervalSeconds: Double
  ) {
    fetcher = TopFetcher(socketPath: options.socketPath)
    self.count = count
    model = TopModel(order: order)
    model.key = key
    model.expression = expression
    model.intervalSeconds = intervalSeconds
  }

  mutating func run() throws {
    // A daemon that is not there at all is an error, and not a screen that waits for it; so is an
    // expression of the command line that is wrong.
    let request = request()
    switch try fetcher.first(request) {
    case .wrongExpression(let problem): throw RPCError(.invalidParams, problem)
    case let outcome: take(request, outcome)
    }
    let screen = try Screen()
    defer { screen.leave() }
    fetcher.start { Screen.wake() }
    let style = Style.ofStandardOutput()
    nextRequest = Date().addingTimeInterval(min(model.intervalSeconds, 1))
    while true {
      model.waitingSeconds = fetcher.waitingSeconds
      screen.draw(TopView(model: model, size: Output.size(), style: style).lines())
      // An answer that is overdue is said, so the screen is drawn now and then at the least.
      switch screen.wait(seconds: min(1, max(0, nextRequest.timeIntervalSinceNow))) {
      case .keys(let keys):
        for key in keys where !handle(key, screen) { return }
      case .resized:
        // A higher screen has room for more flows.
        ask()
      case .resumed:
        // The shell may have changed the terminal in between.
        screen.leave()
        screen.enter()
      case .ended(let signal):
        screen.leave()
        Screen.end(with: signal)
      case .woken, .timeout: break
      }
      for (request, outcome) in fetcher.takeOutcomes() { take(request, outcome) }
      if Date() >= nextRequest {
        ask()
        nextRequest = Date().addingTimeInterval(model.intervalSeconds)
      }
    }
  }

  // MARK: - Asking

  private func request() -> TopFetcher.Request {
    let rows = count ?? max(1, min(Output.size().height, 200))
    let typed = model.editor.flatMap { $0.isChecked ? $0.line.text : nil }
    return TopFetcher.Request(
      count: min(rows + model.offset, FlowsTopParameters.countRange.upperBound),
      order: model.order, key: model.key, expression: typed ?? model.expression)
  }

  private func ask() {
    if !model.isPaused || model.editor?.isChecked == true { fetcher.request(request()) }
  }

  private mutating func take(_ request: TopFetcher.Request, _ outcome: TopFetcher.Outcome) {
    let isTyped = model.editor?.isChecked == true && request.expression == model.editor?.line.text
    switch outcome {
    case .answer(let status, let stats, let flows):
      if isTyped {
        model.expression = request.expression
        model.editor = nil
        model.offset = 0
      }
      // What was asked for under another expression or key is not what is shown now.
      if request.expression == model.expression && request.key == model.key {
        model.take(status, stats, flows, key: request.key)
        model.offset = min(model.offset, max(0, flows.flows.count + flows.groups.count - 1))
      }
    case .wrongExpression(let problem):
      if isTyped {
        model.editor?.problem = problem
        model.editor?.isChecked = false
      } else {
        model.problem = problem
      }
    case .unreachable(let problem):
      model.problem = problem
      if isTyped { model.editor?.isChecked = false }
    }
  }

  // MARK: - Keys

  /// False where the key says to quit.
  private mutating func handle(_ key: Keyboard.Key, _ screen: Screen) -> Bool {
    switch key {
    case .interrupt: return false
    case .suspend:
      screen.suspend()
      return true
    default: break
    }
    if model.showsHelp {
      model.showsHelp = false
      return key != .character("q")
    }
    if model.editor != nil {
      edit(key)
      return true
    }
    let before = request()
    if !choose(key) { return false }
    // What is chosen is seen at once, also while it is paused.
    if request() != before { fetcher.request(request()) }
    return true
  }

  private mutating func choose(_ key: Keyboard.Key) -> Bool {
    switch key {
    case .character("q"), .character("Q"): return false
    case .character("r"): model.order = .rate
    case .character("k"): model.order = .packetRate
    case .character("b"): model.order = .bytes
    case .character("p"): model.order = .packets
    case .character("s"): nextOrder()
    case .character(" "): model.isPaused.toggle()
    case .character("h"), .character("?"): model.showsHelp = true
    case .character("/"): model.editor = .init(line: LineEditor(model.expression))
    case .character("+"), .character("="): stepInterval(by: 1)
    case .character("-"): stepInterval(by: -1)
    case .tab, .right: nextKey(by: 1)
    case .backTab, .left: nextKey(by: -1)
    case .down: model.offset += 1
    case .up: model.offset = max(0, model.offset - 1)
    case .pageDown: model.offset += pageRows
    case .pageUp: model.offset = max(0, model.offset - pageRows)
    case .home: model.offset = 0
    case .escape: model.expression = ""
    case .character(let digit):
      if let number = digit.wholeNumberValue, TopModel.keys.indices.contains(number - 1) {
        model.key = TopModel.keys[number - 1]
        model.offset = 0
      }
    default: break
    }
    model.offset = min(model.offset, FlowsTopParameters.countRange.upperBound - 1)
    return true
  }

  private var pageRows: Int { max(1, Output.size().height / 2) }

  private mutating func nextOrder() {
    let orders: [FlowOrder] = [.rate, .packetRate, .bytes, .packets]
    let place = orders.firstIndex(of: model.order) ?? -1
    model.order = orders[(place + 1) % orders.count]
  }

  private mutating func nextKey(by step: Int) {
    let count = TopModel.keys.count
    let place = TopModel.keys.firstIndex(of: model.key) ?? 0
    model.key = TopModel.keys[(place + step + count) % count]
    model.offset = 0
  }

  private mutating func stepInterval(by step: Int) {
    model.stepInterval(by: step)
    nextRequest = min(nextRequest, Date().addingTimeInterval(model.intervalSeconds))
  }

  private mutating func edit(_ key: Keyboard.Key) {
    switch key {
    case .escape: model.editor = nil
    case .enter:
      if model.editor?.line.text.allSatisfy(\.isWhitespace) == true {
        model.editor = nil
        model.expression = ""
        fetcher.request(request())
        return
      }
      model.editor?.problem = nil
      model.editor?.isChecked = true
      ask()
    default:
      if model.editor?.line.take(key) == true {
        model.editor?.problem = nil
        model.editor?.isChecked = false
      }
    }
  }
}
