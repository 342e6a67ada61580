import ControlAPI
import Logging
import NIOCore
import NIOPosix

/// One client: reads lines, has each answered, writes the answer, and only then reads on.
///
/// A client has one message in work at a time. While it is answered, and until the answer is in the
/// kernel's hands, nothing more is read from the socket, so what a client can make the server hold
/// is bounded by ``ControlServerLimits`` however fast it sends and however slowly it reads.
///
///     authorising → waiting ⇄ working → writing → waiting …
///          └──────────┴──────────┴─────────┴────→ closing
///
/// Notifications of its subscriptions go out between answers, one at a time: while one, or an answer, has
/// not left for the kernel's buffer yet, those that come due are lost, and counted.
///
/// Lives on the server's event loop; the answering itself is done on the engine's threads.
final class ClientHandler: ChannelInboundHandler, NotificationTarget {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    /// The kernel is asked who this is; nothing has been read yet.
    case authorising
    /// For the rest of a line.
    case waiting
    /// One of the engine's threads has a message.
    case working
    /// The answer is on its way out.
    case writing
    /// A last line is on its way out; nothing is read any more.
    case closing
  }

  private let server: ServerContext
  private var phase = Phase.authorising
  private var peer: ControlPeer?
  private var isSubscribed = false
  /// A notification has not left yet.
  private var isNotifying = false
  private var buffer = ByteBuffer()
  /// So many readable bytes are known to hold no line end.
  private var scanned = 0
  /// The client will send nothing more.
  private var isInputClosed = false
  private var closesAfterAnswer = false
  /// Closing, and counted among those that may take a second for it.
  private var isLeaving = false
  private var timer: Scheduled<Void>?
  private var context: ChannelHandlerContext?

  init(server: ServerContext) {
    self.server = server
  }

  // MARK: - From the channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    let credentials = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self
    ) { PeerCredentials(socket: $0) }
    authorise(credentials ?? nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    phase = .closing
    leave()
    if isLeaving { server.clients.endLeaving() }
    isLeaving = false
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if phase == .closing { return }
    var bytes = unwrapInboundIn(data)
    buffer.writeBuffer(&bytes)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isLeaving { context.read() } else { advance() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent {
      isInputClosed = true
      if isLeaving { context.close(promise: nil) } else { advance() }
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Connection reset and the like: the client is gone, nobody else is concerned.
    server.logger.debug("control client lost", metadata: ["error": "\(error)"])
    context.close(promise: nil)
  }

  // MARK: - Who is it

  private func authorise(_ credentials: PeerCredentials?) {
    guard phase == .authorising else { return }
    guard let credentials, let role = server.authorizer(credentials) else {
      let who = credentials.map { "uid \($0.uid)" } ?? "a peer without credentials"
      let error = RPCError(
        .notPermitted,
        "\(who) may not connect; root, martletd's own user, and who is named in control.viewers,"
          + " control.operators or control.admins may",
        data: credentials.map { ["uid": .number(String($0.uid))] })
      server.refusals.note(
        "control client refused", metadata: ["peer": "\(credentials?.description ?? "unknown")"])
      if let credentials, let audit = server.processor.audit {
        server.threads.atOnce.submit { _ in audit.refuse(credentials, error) }
      }
      close(with: error)
      return
    }
    guard server.clients.add(self) else {
      let limit = server.limits.clients
      close(
        with: RPCError(
          .tooManyClients, "\(limit) clients are connected, and no more are taken; try again later",
          data: ["limit": "clients", "maximum": .number(String(limit))]))
      return
    }
    peer = ControlPeer(credentials: credentials, role: role)
    phase = .waiting
    startTimer(seconds: server.limits.idleSeconds)
    advance()
  }

  // MARK: - Lines

  /// Takes the next line out of the buffer and has it answered, or reads on.
  private func advance() {
    guard phase == .waiting, let context else { return }
    while phase == .waiting {
      guard let line = nextLine() else { break }
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { continue }
      answer(line)
    }
    guard phase == .waiting else { return }
    if buffer.readableBytes > server.limits.messageBytes {
      refuseLength()
    } else if isInputClosed {
      context.close(promise: nil)
    } else {
      context.read()
    }
  }

  /// A whole line without its end; at the end of the input also one that has none.
  private func nextLine() -> [UInt8]? {
    let view = buffer.readableBytesView
    if let end = view[(view.startIndex + scanned)...].firstIndex(of: UInt8(ascii: "\n")) {
      let length = end - view.startIndex
      guard length <= server.limits.messageBytes else {
        refuseLength()
        return nil
      }
      let line = buffer.readBytes(length: length)
      buffer.moveReaderIndex(forwardBy: 1)
      scanned = 0
      if buffer.readableBytes == 0 {
        buffer.clear()
      } else if buffer.readerIndex >= 4 * ControlServerLimits.readBytes {
        // Not after each line: many short ones would move the same bytes again and again.
        buffer.discardReadBytes()
      }
      return line
    }
    scanned = buffer.readableBytes
    guard isInputClosed, scanned > 0, scanned <= server.limits.messageBytes else { return nil }
    scanned = 0
    return buffer.readBytes(length: buffer.readableBytes)
  }

  private func refuseLength() {
    let limit = server.limits.messageBytes
    close(
      with: RPCError(
        .limitExceeded, "a message may have \(limit) bytes; this line is longer",
        data: ["limit": "messageBytes", "maximum": .number(String(limit))]))
  }

  // MARK: - Answers

  private func answer(_ line: [UInt8]) {
    phase = .working
    timer?.cancel()
    let processor = server.processor
    work(on: .atOnce) { peer in
      var work = processor.begin(line)
      // The thread that reads the message also answers it, where it can.
      let step = processor.run(&work, on: .atOnce, from: peer)
      return (work, step)
    }
  }

  /// Has a part of the message answered, and goes on with the next.
  private func work(
    on pace: MethodPace,
    _ part: @escaping @Sendable (ControlPeer) -> (MessageWork, MessageWork.Step)
  ) {
    guard let context, let peer else { return }
    let processor = server.processor
    server.threads[pace].runIfActive(eventLoop: context.eventLoop) { part(peer) }
      .assumeIsolated().whenComplete { result in
        guard self.phase == .working, let context = self.context else { return }
        switch result {
        case .success((_, .done(let response))):
          self.updateSubscriptions()
          if let response { self.write(response, context: context) } else { self.resume() }
        case .success((let work, .goesOn(let next))):
          self.work(on: next) { peer in
            var work = work
            let step = processor.run(&work, on: next, from: peer)
            return (work, step)
          }
        case .failure: context.close(promise: nil)  // the server stops
        }
      }
  }

  private func write(_ response: [UInt8], context: ChannelHandlerContext) {
    phase = .writing
    startTimer(seconds: server.limits.writeSeconds)
    writeLine(response, context: context).assumeIsolated().whenComplete { result in
      guard self.phase == .writing else { return }
      if case .failure = result {
        self.context?.close(promise: nil)
      } else {
        self.resume()
      }
    }
  }

  /// The message is done with; on to the next.
  private func resume() {
    phase = .waiting
    if closesAfterAnswer {
      context?.close(promise: nil)
      return
    }
    startTimer(seconds: server.limits.idleSeconds)
    advance()
  }

  private func writeLine(_ line: [UInt8], context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    var bytes = context.channel.allocator.buffer(capacity: line.count + 1)
    bytes.writeBytes(line)
    bytes.writeInteger(UInt8(ascii: "\n"))
    return context.writeAndFlush(wrapOutboundOut(bytes))
  }

  // MARK: - Subscriptions

  /// Tells the hub what the handlers of the last message have changed.
  private func updateSubscriptions() {
    guard let subscriptions = peer?.session.takeChange() else { return }
    isSubscribed = !subscriptions.isEmpty
    server.hub.value?.set(subscriptions, of: self)
  }

  func offer(_ line: () -> [UInt8]) -> Bool {
    guard let context, !isNotifying, phase == .waiting || phase == .working else { return false }
    isNotifying = true
    writeLine(line(), context: context).assumeIsolated().whenComplete { _ in
      self.isNotifying = false
    }
    return true
  }

  // MARK: - The end

  /// Nothing is found out for this client any more.
  private func leave() {
    server.clients.remove(self)
    server.hub.value?.remove(self)
    peer?.session.end()
  }

  /// Says why, and closes within a second.
  ///
  /// What the client still sends is read and thrown away until it closes too: a socket that is
  /// closed with unread bytes in it resets the connection, which hides the reason from many
  /// clients. Only so many may leave in this way at a time; the others are just closed.
  private func close(with error: RPCError) {
    guard let context else { return }
    phase = .closing
    buffer.clear()
    leave()
    startTimer(seconds: 1)
    let waits = server.clients.beginLeaving()
    isLeaving = waits
    writeLine(RPCResponse.failure(id: .null, error: error), context: context)
      .assumeIsolated().whenComplete { result in
        guard let context = self.context else { return }
        if case .success = result, waits, !self.isInputClosed {
          context.close(mode: .output, promise: nil)
          context.read()
        } else {
          context.close(promise: nil)
        }
      }
  }

  /// The server stops: closes once the message in work is answered.
  func finish() {
    switch phase {
    case .authorising, .waiting: context?.close(promise: nil)
    case .working, .writing: closesAfterAnswer = true
    case .closing: break
    }
  }

  /// The server stops, and has waited long enough.
  func abort() { context?.close(promise: nil) }

  private func startTimer(seconds: Double) {
    guard let context else { return }
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(
      in: .nanoseconds(Int64(seconds * 1e9))
    ) { self.timeIsUp() }
  }

  private func timeIsUp() {
    switch phase {
    case .working: break
    case .writing, .closing: context?.close(promise: nil)
    case .waiting where isSubscribed: startTimer(seconds: server.limits.idleSeconds)
    case .authorising, .waiting:
      let seconds = server.limits.idleSeconds
      close(
        with: RPCError(
          .timedOut, "no whole message came for \(seconds) seconds",
          data: ["limit": "idleSeconds", "maximum": .number(String(seconds))]))
    }
  }
}
