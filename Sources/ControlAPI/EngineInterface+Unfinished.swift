// What is declared and not yet built; each goes when it is built.
extension EngineInterface {
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
