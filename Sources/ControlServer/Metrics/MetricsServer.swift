package import ControlAPI
import Glibc
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// What one scraper, and all of them together, may take of the metrics endpoint.
struct MetricsLimits: Sendable {
  /// Connected at the same time; more are closed at once.
  var connections = 16
  /// Bytes from the client up to the end of a request.
  var requestBytes = 8192
  /// From the connection, or the first byte of a request, to its end.
  var requestSeconds: Int64 = 10
  /// Between two requests of a connection.
  var idleSeconds: Int64 = 120
  /// Until the client has read the answer.
  var writeSeconds: Int64 = 30
}

/// Counters for Prometheus: `GET /metrics` over HTTP/1.1, in the text format.
///
/// A thread of its own serves the sockets; the engine is asked on the thread that the control server uses,
/// once a scrape.
package final class MetricsServer: Sendable {
  private struct Running: Sendable {
    var group: MultiThreadedEventLoopGroup
    var channel: any Channel
  }

  private let engine: any EngineInterface
  private let address: String
  private let port: Int
  private let threads: EngineThreads
  private let limits: MetricsLimits
  private let logger: Logger
  private let running = Mutex<Running?>(nil)

  /// - Parameters:
  ///   - address: of IPv4 or IPv6, without brackets.
  ///   - port: 0 for any that is free.
  package convenience init(
    engine: any EngineInterface, address: String, port: Int, threads: EngineThreads, logger: Logger
  ) {
    self.init(
      engine: engine, address: address, port: port, threads: threads, limits: MetricsLimits(),
      logger: logger)
  }

  init(
    engine: any EngineInterface, address: String, port: Int, threads: EngineThreads,
    limits: MetricsLimits, logger: Logger
  ) {
    self.engine = engine
    self.address = address
    self.port = port
    self.threads = threads
    self.limits = limits
    self.logger = logger
  }

  /// The port that is served; nil while nothing is.
  package var servedPort: Int? { running.withLock { $0?.channel.localAddress?.port } }

  /// - Throws: ``ControlServerError`` where the address cannot be had.
  package func start() throws {
    let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let context = MetricsContext(
      limits: limits, connections: .makeBoxSendingValue(0, eventLoop: eventLoops.next()),
      thread: threads.atOnce
    ) { [engine] in
      MetricFamily.text(MetricFamily.all, try MetricsReading(engine))
    }
    do {
      let channel = try ServerBootstrap(group: eventLoops)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .serverChannelOption(.backlog, value: 16)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let guarding = RequestGuard(context: context)
            try pipeline.addHandler(guarding)
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(MetricsHandler(context: context, guarding: guarding))
          }
        }
        .bind(to: SocketAddress(ipAddress: address, port: port)).wait()
      running.withLock { $0 = Running(group: eventLoops, channel: channel) }
    } catch {
      try? eventLoops.syncShutdownGracefully()
      let why = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
      throw ControlServerError(
        "cannot serve metrics at \(shown): \(why); metrics.listen of the configuration says where")
    }
    logger.info("metrics endpoint ready: http://\(shown)/metrics")
  }

  private var shown: String {
    let port = servedPort ?? port
    return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  package func stop() {
    guard let running = running.withLock({ $0.take() }) else { return }
    try? running.channel.close().wait()
    try? running.group.syncShutdownGracefully()
  }
}

/// What the connections of one endpoint share.
struct MetricsContext: Sendable {
  let limits: MetricsLimits
  let connections: NIOLoopBoundBox<Int>
  /// Where ``read`` is called.
  let thread: NIOThreadPool
  /// The answer's body.
  let read: @Sendable () throws -> String
}
