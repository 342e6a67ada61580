/// What the control plane asks of a running engine; `Runtime` implements it, `ControlServer` calls it.
///
/// The calls are synchronous, and made on threads of the server's that serve no socket. Those under
/// "At once" answer within a few tens of milliseconds, and are made one at a time. Those under "In their
/// own time" may take seconds (they look through every flow, or wait for packets); they are made on
/// another thread, at the same time as the others, but one at a time among themselves.
///
/// Every call throws ``RPCError`` for what the caller did wrong; anything else that is thrown is reported
/// as an internal error. Parameters are within the ranges that their types state.
package protocol EngineInterface: Sendable {
  // MARK: At once

  /// What the engine is made of and which state it is in.
  func status() throws -> EngineStatus

  /// Every counter, as of now.
  func stats() throws -> EngineStats

  /// Everything that has a value to be tuned, in a fixed order.
  func tunables(_ parameters: TuningGetParameters) throws -> TuningList

  /// Changes one value; packets do not stop for it. All of it holds when the call returns, for workers
  /// from their next burst on.
  func tune(_ parameters: TuningSetParameters) throws -> TuningChange

  /// The rules in their order, with what each has caught.
  func filters() throws -> FilterList

  /// A change of the rules. When it returns every worker goes by the new ones, and what the old ones caught
  /// is counted. A rule that cannot be compiled changes nothing.
  func addFilter(_ parameters: FilterAddParameters) throws -> FilterChange
  func replaceFilter(_ parameters: FilterReplaceParameters) throws -> FilterChange
  func removeFilter(_ parameters: FilterRemoveParameters) throws -> FilterChange
  func moveFilter(_ parameters: FilterMoveParameters) throws -> FilterChange

  func portList() throws -> PortList

  /// Starts or stops a port; the others, and its flows, live on.
  func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange

  /// Reads the configuration file again. All that can change live does, or nothing where the file is wrong.
  func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer

  func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange

  /// Asks for an orderly end (ports stop, live flows are exported, sinks drain) and returns at
  /// once. Asking again while the engine drains changes nothing.
  func requestShutdown() throws

  // MARK: In their own time

  /// The busiest flows, or groups of them, busiest first.
  func topFlows(_ parameters: FlowsTopParameters) throws -> FlowsTop

  func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList

  func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer

  /// Ends flows as if they had timed out; their records leave at once.
  func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled

  /// Compiles an expression, and counts what it would catch of the next packets.
  func testFilter(_ parameters: FilterTestParameters) throws -> FilterTestAnswer

  /// The next packets that match, each with the path it took.
  func tracePackets(_ parameters: TraceParameters) throws -> TraceAnswer
}
