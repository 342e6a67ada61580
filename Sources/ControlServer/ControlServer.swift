package import ControlAPI
package import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The control socket: JSON-RPC 2.0, one message a line, on a Unix socket.
///
/// One thread serves all sockets, a second asks the engine. Neither is a worker's, and a client can
/// hold up neither: each has one message in work at a time, bounded by ``ControlServerLimits``.
/// Both threads take the signal mask of the thread that calls ``start()``.
package final class ControlServer: Sendable {
  private struct Running: Sendable {
    var file: SocketFile
    var group: MultiThreadedEventLoopGroup
    var context: ServerContext
    var channel: any Channel
  }

  private let engine: any EngineInterface
  private let socketPath: String
  private let mode: UInt32
  private let group: String?
  private let limits: ControlServerLimits
  private let authorizer: ControlAuthorizer
  private let logger: Logger
  private let running = Mutex<Running?>(nil)

  /// - Parameters:
  ///   - mode: permission bits of the socket file.
  ///   - group: name or number of the group that the file belongs to; nil for the process's own.
  ///   - authorizer: the role of each peer; by default root and the process's own uid are admin and
  ///     nobody else connects.
  package init(
    engine: any EngineInterface, socketPath: String = ControlSocket.defaultPath,
    mode: UInt32 = 0o600, group: String? = nil, limits: ControlServerLimits = .init(),
    authorizer: @escaping ControlAuthorizer = ownerAuthorizer, logger: Logger
  ) {
    self.engine = engine
    self.socketPath = socketPath
    self.mode = mode
    self.group = group
    self.limits = limits
    self.authorizer = authorizer
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
      let engineThread = NIOThreadPool(numberOfThreads: 1)
      engineThread.start()
      let context = ServerContext(
        limits: limits,
        processor: MessageProcessor(
          methods: .methods(of: engine, logger: logger), limits: limits, logger: logger),
        authorizer: authorizer, engineThread: engineThread,
        clients: ClientRegistry(limit: limits.clients, eventLoop: eventLoops.next()),
        refusals: RefusalLog(logger: logger), logger: logger)
      do {
        let channel = try Self.bootstrap(eventLoops, context).withBoundSocket(file.descriptor)
          .wait()
        running = Running(file: file, group: eventLoops, context: context, channel: channel)
      } catch {
        file.remove()
        try? engineThread.syncShutdownGracefully()
        try? eventLoops.syncShutdownGracefully()
        throw ControlServerError("cannot serve control socket \(socketPath): \(error)")
      }
    }
    logger.info("control socket ready", metadata: ["path": "\(socketPath)"])
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
    try? loop.submit { clients.closeAll(waitingForAnswers: true) }.wait()
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if (try? loop.submit { clients.isEmpty }.wait()) ?? true { break }
      sleepBriefly()
    }
    try? loop.submit { clients.closeAll(waitingForAnswers: false) }.wait()
    try? running.context.engineThread.syncShutdownGracefully()
    try? running.group.syncShutdownGracefully()
    logger.info("control socket closed", metadata: ["path": "\(socketPath)"])
  }
}
