/// The methods of the control API, by the name they have on the wire.
package enum ControlMethod: String, CaseIterable, Sendable {
  /// Which protocol and program answer: ``VersionInfo``. Parameters: ``VersionParameters``.
  case rpcVersion = "rpc.version"
  /// The API as an OpenRPC document, made from what the server answers. No parameters.
  case rpcDiscover = "rpc.discover"
  /// ``EngineStatus``. No parameters.
  case engineStatus = "engine.status"
  /// Begins an orderly end and answers at once: ``ShutdownAnswer``. No parameters.
  case engineShutdown = "engine.shutdown"
  /// Reads the configuration file again: ``ReloadAnswer``. Parameters: ``ReloadParameters``.
  case engineReload = "engine.reload"
  /// ``LogLevelChange``. Parameters: ``LogLevelParameters``.
  case logSetLevel = "log.setLevel"
  /// ``EngineStats``. Parameters: ``StatsGetParameters``.
  case statsGet = "stats.get"
  /// Counts of a view begin at nought again: ``StatsResetAnswer``. Parameters: ``StatsResetParameters``.
  case statsReset = "stats.reset"
  /// Sends ``StatsNotification`` at a period: ``SubscriptionAnswer``. Parameters:
  /// ``StatsSubscribeParameters``.
  case statsSubscribe = "stats.subscribe"
  /// ``SubscriptionAnswer``. Parameters: ``UnsubscribeParameters``.
  case statsUnsubscribe = "stats.unsubscribe"
  /// ``FilterList``. No parameters.
  case filterList = "filter.list"
  /// ``FilterChange``. Parameters: ``FilterAddParameters``.
  case filterAdd = "filter.add"
  /// ``FilterChange``. Parameters: ``FilterReplaceParameters``.
  case filterReplace = "filter.replace"
  /// ``FilterChange``. Parameters: ``FilterRemoveParameters``.
  case filterRemove = "filter.remove"
  /// ``FilterChange``. Parameters: ``FilterMoveParameters``.
  case filterMove = "filter.move"
  /// Compiles, and counts what would be caught: ``FilterTestAnswer``. Parameters: ``FilterTestParameters``.
  case filterTest = "filter.test"
  /// ``FlowsTop``. Parameters: ``FlowsTopParameters``.
  case flowsTop = "flows.top"
  /// ``FlowsList``. Parameters: ``FlowsListParameters``.
  case flowsList = "flows.list"
  /// ``FlowsGetAnswer``. Parameters: ``FlowsGetParameters``.
  case flowsGet = "flows.get"
  /// Ends flows now, with their records: ``FlowsKilled``. Parameters: ``FlowsKillParameters``.
  case flowsKill = "flows.kill"
  /// ``TuningList``. Parameters: ``TuningGetParameters``.
  case tuningGet = "tuning.get"
  /// Changes one value between two bursts: ``TuningChange``. Parameters: ``TuningSetParameters``.
  case tuningSet = "tuning.set"
  /// ``PortList``. No parameters.
  case portsList = "ports.list"
  /// ``PortChange``. Parameters: ``PortParameters``.
  case portsStart = "ports.start"
  /// ``PortChange``. Parameters: ``PortParameters``.
  case portsStop = "ports.stop"
  /// The next packets that match, each with the path it took: ``TraceAnswer``. Parameters:
  /// ``TraceParameters``.
  case tracePackets = "trace.packets"
}

/// Version of the control API. The major number rises when a client could break, the minor one
/// when something is added.
package enum ControlVersion {
  package static let major = 1
  package static let minor = 2
  package static var text: String { "\(major).\(minor)" }
}

/// Where the control socket is unless something else is said.
package enum ControlSocket {
  package static let defaultPath = "/run/martlet/control.sock"
  /// Environment variable that the command line tool takes the path from.
  package static let environmentVariable = "MARTLET_SOCKET"
}

/// Parameters of a method, decoded from the request's `params`.
///
/// `names` lists every member in the order in which it stands in a by-position request. A name that
/// is not in it is refused, and so is a position beyond it.
package protocol ControlParameters: Codable, Sendable {
  static var names: [String] { get }
}

/// For methods that take none.
package struct NoParameters: ControlParameters {
  package static let names: [String] = []
  package init() {}
}
