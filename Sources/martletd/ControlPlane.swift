import AuditLog
import Configuration
import ControlServer
import Glibc
import Logging
import Runtime

/// What operators reach a running engine by: the control socket, its audit log, and the metrics endpoint.
struct ControlPlane {
  private let server: ControlServer
  private let metrics: MetricsServer?
  private let audit: AuditTrail?
  private let threads = EngineThreads()

  /// - Throws: where a user or group is not known here, or the audit log cannot be opened and has to be.
  init(_ settings: Settings, engine: Engine, logger: Logger) throws {
    let control = settings.control
    let access = try Self.access(control)
    audit = try Self.openAudit(control, logger)
    var limits = ControlServerLimits()
    limits.clients = control.limits.clients
    limits.messageBytes = control.limits.messageBytes
    limits.requestsPerBatch = control.limits.requestsPerBatch
    limits.subscriptionsPerClient = control.limits.subscriptionsPerClient
    limits.idleSeconds = control.limits.idleSeconds
    limits.writeSeconds = control.limits.writeSeconds
    server = ControlServer(
      engine: engine, socketPath: control.socket, mode: UInt32(control.mode),
      group: control.group, limits: limits, authorizer: access.authorizer, audit: audit,
      threads: threads, logger: logger)
    let threads = threads
    metrics = settings.metrics.listen.map { listen in
      MetricsServer(
        engine: engine, address: listen.address, port: listen.port, threads: threads,
        logger: logger)
    }
  }

  /// - Throws: ``AccessListError`` for a name that nobody bears here.
  static func access(_ control: Settings.Control) throws -> AccessList {
    try AccessList(
      viewers: control.viewers, operators: control.operators, admins: control.admins)
  }

  private static func openAudit(
    _ control: Settings.Control, _ logger: Logger
  ) throws -> AuditTrail? {
    guard let path = control.auditLog else {
      logger.notice("control.auditLog is not set: changes over the control socket are not logged")
      return nil
    }
    do {
      let writer = try AuditWriter(path: path)
      let trail = AuditTrail(
        writer: writer, isRequired: control.auditRequired, logger: logger)
      trail.note("start", version: Martletd.version)
      return trail
    } catch {
      if control.auditRequired { throw error }
      logger.error("\(error); changes are not logged, because control.auditRequired is false")
      return nil
    }
  }

  func start() throws {
    try server.start()
    do {
      try metrics?.start()
    } catch {
      server.stop()
      throw error
    }
  }

  /// The engine must still be there.
  func stop() {
    metrics?.stop()
    server.stop()
    threads.stop()
    audit?.note("stop", version: Martletd.version)
    audit?.finish()
  }
}
