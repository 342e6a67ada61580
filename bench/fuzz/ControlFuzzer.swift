// The control socket's messages under libFuzzer and the address sanitizer: `make fuzz`.
//
// The input is a line as a client might send it. It is read and answered by the server's own processor,
// with an engine behind it that does nothing. Whatever comes, the answer must be JSON on one line, each
// response with an id and either a result or an error of the list.

import ControlAPI
import FuzzDriver
import Logging

@testable import ControlServer

/// An engine that has nothing, and takes every change.
struct EmptyEngine: EngineInterface {
  func status() throws -> EngineStatus { EngineStatus() }
  func stats() throws -> EngineStats { EngineStats() }
  func tunables(_ parameters: TuningGetParameters) throws -> TuningList { TuningList([]) }
  func tune(_ parameters: TuningSetParameters) throws -> TuningChange {
    TuningChange(
      key: parameters.key, before: parameters.value, after: parameters.value, unit: "")
  }
  func filters() throws -> FilterList { FilterList() }
  func addFilter(_ parameters: FilterAddParameters) throws -> FilterChange { change }
  func replaceFilter(_ parameters: FilterReplaceParameters) throws -> FilterChange { change }
  func removeFilter(_ parameters: FilterRemoveParameters) throws -> FilterChange { change }
  func moveFilter(_ parameters: FilterMoveParameters) throws -> FilterChange { change }
  private var change: FilterChange { FilterChange(before: nil, after: nil, generation: 1) }
  func portList() throws -> PortList { PortList() }
  func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange {
    PortChange(port: parameters.port, before: started, after: started)
  }
  func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer { ReloadAnswer() }
  func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange {
    LogLevelChange(before: parameters.level, after: parameters.level)
  }
  func requestShutdown() throws {}
  func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop { FlowsTop() }
  func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList { FlowsList() }
  func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer { FlowsGetAnswer() }
  func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled { FlowsKilled() }
  func testFilter(_ parameters: FilterTestParameters) throws -> FilterTestAnswer {
    FilterTestAnswer()
  }
  func tracePackets(_ parameters: TraceParameters) throws -> TraceAnswer { TraceAnswer() }
}

private let limits = ControlServerLimits()
private let processor = MessageProcessor(
  methods: .methods(
    MethodContext(
      engine: EmptyEngine(), views: StatsViews(limit: limits.views), limits: limits, audit: nil)),
  limits: limits, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })

private func check(_ response: JSONValue) {
  precondition(response["jsonrpc"] == "2.0", "JSON-RPC 2.0")
  precondition(response["id"] != .none, "an id")
  let isResult = response["result"] != .none
  precondition(isResult != (response["error"] != .none), "a result or an error")
  if !isResult {
    guard case .number(let digits) = response["error"]?["code"], let code = Int(digits) else {
      preconditionFailure("an error has a code")
    }
    precondition(RPCErrorCode.all.contains(RPCErrorCode(rawValue: code)), "a code of the list")
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let peer = ControlPeer(credentials: .init(pid: 1, uid: 0, gid: 0), role: .admin)
  let line = Array(UnsafeBufferPointer(start: data, count: size))
  guard let answer = processor.respond(to: line, from: peer) else { return 0 }
  precondition(!answer.contains(UInt8(ascii: "\n")), "one line")
  guard let json = try? JSONParser.parse(answer[...]) else {
    preconditionFailure("an answer is JSON")
  }
  if case .array(let responses) = json {
    precondition(!responses.isEmpty, "no empty batch is answered")
    responses.forEach(check)
  } else {
    check(json)
  }
  return 0
}

@_cdecl("martlet_fuzz_control_main")
func entry(_ count: Int32, _ arguments: Arguments) -> Int32 {
  drive(count, arguments) { fuzz($0, $1) }
}
