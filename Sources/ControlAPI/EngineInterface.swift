/// What the control plane asks of a running engine; `Runtime` implements it, `ControlServer` calls it.
///
/// The calls are synchronous. The server makes them on one thread of its own, never two at once and
/// never on the thread that serves its sockets, so an answer may take a few tens of milliseconds
/// (a snapshot from every worker, say) without keeping a client waiting for its bytes. They must
/// not take longer than a second: other clients' requests wait in line.
package protocol EngineInterface: Sendable {
  /// What the engine is made of and which state it is in.
  ///
  /// - Throws: ``RPCError``; anything else is reported as an internal error.
  func status() throws -> EngineStatus

  /// Every counter, as of now.
  func stats() throws -> EngineStats

  /// The busiest flows, busiest first, at most `parameters.count` of them.
  ///
  /// `parameters` are within the ranges that ``TopFlowsParameters`` states.
  func topFlows(_ parameters: TopFlowsParameters) throws -> TopFlows

  /// Everything that has a value to be tuned, in a fixed order.
  ///
  /// - Throws: ``RPCError`` that names what there is where `parameters` ask for something else.
  func tunables(_ parameters: TuningGetParameters) throws -> TuningList

  /// Changes one value; packets do not stop for it. All of it holds when the call returns, for workers
  /// from their next burst on.
  ///
  /// - Throws: ``RPCError`` for a key that is not there or not live, and for a value out of range.
  func tune(_ parameters: TuningSetParameters) throws -> TuningChange

  /// Asks for an orderly end (ports stop, live flows are exported, sinks drain) and returns at
  /// once. Asking again while the engine drains changes nothing.
  func requestShutdown() throws
}
