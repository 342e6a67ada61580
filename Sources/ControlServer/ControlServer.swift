package import ControlAPI
package import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The control socket: JSON-RPC 2.0, one message a line, on a Unix socket.
///
/// One thread serves all sockets, two more ask the engine (``EngineThreads``). None is a worker's, and a
/// client can hold up none: each has one message in work at a time, bounded by ``ControlServerLimits``.
/// All threads take the signal mask of the thread that calls ``start()``.
package final class ControlServer: Sendable {
  private struct Running: Sendable {
    var file: SocketFile
    var group: MultiThreadedEventLoopGroup
    var context: ServerContext
    var channel: any Channel
    var housekeeping: RepeatedTask
  }

  private let engine: any EngineInterface
  private let socketPath: String
  private let mode: UInt32
  private let group: String?
  private let limits: ControlServerLimits
  private let authorizer: ControlAuthorizer
  private let audit: AuditTrail?
  private let sharedThreads: EngineThreads?
  private let logger: Logger
  private let running = Mutex<Running?>(nil)

  /// - Parameters:
  ///   - mode: permission bits of the socket file.
  ///   - group: name or number of the group that the file belongs to; nil for the process's own.
  ///   - authorizer: the role of each peer; by default root and the process's own uid are admin and
  ///     nobody else connects.
  ///   - audit: where changes and refusals are written down; nil for nowhere.
  ///   - threads: shared with whoever else asks the engine; nil for threads of its own.
  package init(
    engine: any EngineInterface, socketPath: String = ControlSocket.defaultPath,
    mode: UInt32 = 0o600, group: String? = nil, limits: ControlServerLimits = .init(),
    authorizer: @escaping ControlAuthorizer = ownerAuthorizer, audit: AuditTrail? = nil,
    threads: EngineThreads? = nil, logger: Logger
  ) {
    self.engine = engine
    self.socketPath = socketPath
    self.mode = mode
    self.group = group
    self.limits = limits
    self.authorizer = authorizer
    self.audit = audit
    sharedThreads = threads
    self.logger = logger
  }

  /// Makes the socket and begins to answer. A socket that nobody listens at is replaced.
  ///
  /// - Throws: ``ControlServerError`` where the path is in use, too long, or cannot be made.
  package func start() throws {
    try running.withLock { running in
      if running != nil { return }
      let file = try SocketFile(path: socketPath, mode: mode, group: group, backlog: 64)
      let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let threads = sharedThreads ?? EngineThreads()
      let context = makeContext(threads, eventLoops.next())
      do {
        let channel = try Self.bootstrap(eventLoops, context).withBoundSocket(file.descriptor)
          .wait()
        running = Running(
          file: file, group: eventLoops, context: context, channel: channel,
          housekeeping: keepHouse(threads.atOnce, eventLoops.next()))
      } catch {
        file.remove()
        if sharedThreads == nil { threads.stop() }
        try? eventLoops.syncShutdownGracefully()
        throw ControlServerError("cannot serve control socket \(socketPath): \(error)")
      }
    }
    logger.info("control socket ready", metadata: ["path": "\(socketPath)"])
  }

  private func makeContext(
    _ threads: EngineThreads, _ eventLoop: any EventLoop
  ) -> ServerContext {
    let views = StatsViews(limit: limits.views)
    let methods = MethodTable.methods(
      MethodContext(engine: engine, views: views, limits: limits, audit: audit))
    let hub = NIOLoopBoundBox<SubscriptionHub?>.makeEmptyBox(eventLoop: eventLoop)
    let reader = statsReader(views, threads.atOnce, eventLoop)
    eventLoop.execute { hub.value = SubscriptionHub(eventLoop: eventLoop, read: reader) }
    return ServerContext(
      limits: limits,
      processor: MessageProcessor(
        methods: methods, limits: limits, audit: audit, logger: logger),
      authorizer: authorizer, threads: threads,
      clients: ClientRegistry(limit: limits.clients, eventLoop: eventLoop), hub: hub,
      refusals: RefusalLog(logger: logger), logger: logger)
  }

  /// One reading of the engine for all views that somebody waits for.
  private func statsReader(
    _ views: StatsViews, _ thread: NIOThreadPool, _ eventLoop: any EventLoop
  ) -> @Sendable (Set<String?>) -> EventLoopFuture<[String?: [UInt8]]> {
    let engine = engine
    return { wanted in
      thread.runIfActive(eventLoop: eventLoop) {
        let stats = try engine.stats()
        var encoded: [String?: [UInt8]] = [:]
        for view in wanted {
          // A view may have given way to another since it was subscribed to.
          guard let part = try? views.stats(of: view, from: stats) else { continue }
          encoded[view] = try encodeResult(part)
        }
        return encoded
      }
    }
  }

  /// Once a minute: what was refused and not logged one by one is logged by count.
  private func keepHouse(
    _ thread: NIOThreadPool, _ eventLoop: any EventLoop
  ) -> RepeatedTask {
    let audit = audit
    return eventLoop.scheduleRepeatedTask(initialDelay: .seconds(60), delay: .seconds(60)) { _ in
      thread.submit { _ in audit?.flushRefusals(all: false) }
    }
  }

  private static func bootstrap(
    _ eventLoops: MultiThreadedEventLoopGroup, _ context: ServerContext
  ) -> ServerBootstrap {
    ServerBootstrap(group: eventLoops)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ClientHandler(server: context))
        }
      }
      // The handler reads when it has room for more, and never by itself.
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(
        .recvAllocator,
        value: FixedSizeRecvByteBufferAllocator(capacity: ControlServerLimits.readBytes)
      )
      .childChannelOption(.allowRemoteHalfClosure, value: true)
  }

  /// Takes the socket away, lets answers in work go out for up to `seconds`, and closes.
  ///
  /// Must not be called from within a call to the engine, for whose end it waits. Stopping what is
  /// not running does nothing.
  package func stop(withinSeconds seconds: Double = 1) {
    guard let running = running.withLock({ $0.take() }) else { return }
    running.file.remove()
    try? running.channel.close().wait()
    let loop = running.group.next()
    let clients = running.context.clients
    let hub = running.context.hub
    running.housekeeping.cancel()
    try? loop.submit {
      hub.value?.stop()
      hub.value = nil
      clients.closeAll(waitingForAnswers: true)
    }.wait()
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if (try? loop.submit { clients.isEmpty }.wait()) ?? true { break }
      sleepBriefly()
    }
    try? loop.submit { clients.closeAll(waitingForAnswers: false) }.wait()
    if sharedThreads == nil { running.context.threads.stop() }
    try? running.group.syncShutdownGracefully()
    logger.info("control socket closed", metadata: ["path": "\(socketPath)"])
  }
}
