/// The methods of the control API, by the name they have on the wire.
package enum ControlMethod: String, CaseIterable, Sendable {
  /// Which protocol and program answer: ``VersionInfo``. No parameters.
  case rpcVersion = "rpc.version"
  /// ``EngineStatus``. No parameters.
  case engineStatus = "engine.status"
  /// Begins an orderly end and answers at once: ``ShutdownAnswer``. No parameters.
  case engineShutdown = "engine.shutdown"
  /// ``EngineStats``. No parameters.
  case statsGet = "stats.get"
  /// ``TopFlows``. Parameters: ``TopFlowsParameters``.
  case flowsTop = "flows.top"
  /// ``TuningList``. Parameters: ``TuningGetParameters``.
  case tuningGet = "tuning.get"
  /// Changes one value between two bursts: ``TuningChange``. Parameters: ``TuningSetParameters``.
  case tuningSet = "tuning.set"
}

/// Version of the control API. The major number rises when a client could break, the minor one
/// when something is added.
package enum ControlVersion {
  package static let major = 1
  package static let minor = 1
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
