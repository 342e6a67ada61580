import ControlAPI
import Logging

extension MethodTable {
  /// The methods that an engine answers. A new one is a case of ``ControlMethod``, its parameter
  /// and result types in ControlAPI, and an entry here.
  static func methods(of engine: any EngineInterface, logger: Logger) -> MethodTable {
    MethodTable([
      MethodEntry(.rpcVersion, role: .viewer) { (_, _: NoParameters) in
        VersionInfo(
          martlet: try engine.status().version, methods: ControlMethod.allCases.map(\.rawValue))
      },
      MethodEntry(.engineStatus, role: .viewer) { (_, _: NoParameters) in try engine.status() },
      MethodEntry(.statsGet, role: .viewer) { (_, _: StatsGetParameters) in try engine.stats() },
      MethodEntry(.flowsTop, role: .viewer) { _, parameters in try engine.topFlows(parameters) },
      MethodEntry(.tuningGet, role: .viewer) { _, parameters in try engine.tunables(parameters) },
      MethodEntry(.tuningSet, role: .operator) { peer, parameters in
        let change = try engine.tune(parameters)
        logger.notice(
          "tuned over the control socket",
          metadata: [
            "key": "\(change.key)", "before": "\(change.before)", "after": "\(change.after)",
            "uid": "\(peer.credentials.uid)", "pid": "\(peer.credentials.pid)",
          ])
        return change
      },
      MethodEntry(.engineShutdown, role: .admin) { (peer, _: NoParameters) in
        logger.notice(
          "shutdown asked for over the control socket",
          metadata: [
            "uid": "\(peer.credentials.uid)", "pid": "\(peer.credentials.pid)",
          ])
        try engine.requestShutdown()
        return ShutdownAnswer()
      },
    ])
  }
}
