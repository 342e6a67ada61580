// What is declared and not yet built; each goes when it is built.
extension EngineInterface {
  package func portList() throws -> PortList { throw RPCError(.methodNotFound) }
  package func setPort(_ parameters: PortParameters, started: Bool) throws -> PortChange {
    throw RPCError(.methodNotFound)
  }
  package func reload(_ parameters: ReloadParameters) throws -> ReloadAnswer {
    throw RPCError(.methodNotFound)
  }
  package func setLogLevel(_ parameters: LogLevelParameters) throws -> LogLevelChange {
    throw RPCError(.methodNotFound)
  }
  package func listFlows(_ parameters: FlowsListParameters) throws -> FlowsList {
    throw RPCError(.methodNotFound)
  }
  package func getFlows(_ parameters: FlowsGetParameters) throws -> FlowsGetAnswer {
    throw RPCError(.methodNotFound)
  }
  package func killFlows(_ parameters: FlowsKillParameters) throws -> FlowsKilled {
    throw RPCError(.methodNotFound)
  }
}
