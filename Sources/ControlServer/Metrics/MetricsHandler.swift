import NIOCore
import NIOHTTP1
import NIOPosix

/// Counts connections, bytes and time before anything is read as HTTP: whoever sends a header without end,
/// or nothing, or does not read, is closed.
final class RequestGuard: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let shared: MetricsContext
  private var context: ChannelHandlerContext?
  private var bytes = 0
  private var isCounted = false
  private var timer: Scheduled<Void>?

  init(context: MetricsContext) { shared = context }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    guard shared.connections.value < shared.limits.connections else {
      context.close(promise: nil)
      return
    }
    shared.connections.value += 1
    isCounted = true
    close(in: shared.limits.requestSeconds)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    if isCounted { shared.connections.value -= 1 }
    isCounted = false
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if bytes == 0 { close(in: shared.limits.requestSeconds) }
    bytes += unwrapInboundIn(data).readableBytes
    if bytes > shared.limits.requestBytes {
      context.close(promise: nil)
    } else {
      context.fireChannelRead(data)
    }
  }

  /// A request is there; the client has so long to read the answer.
  func requestEnded() {
    bytes = 0
    close(in: shared.limits.writeSeconds)
  }

  /// The answer is out; the client may ask again.
  func answerEnded() { close(in: shared.limits.idleSeconds) }

  private func close(in seconds: Int64) {
    guard let context else { return }
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
      self.context?.close(promise: nil)
    }
  }
}

/// Answers `GET` and `HEAD` of `/metrics`. The pipeline gives it one request at a time.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private let shared: MetricsContext
  private let guarding: RequestGuard
  private var head: HTTPRequestHead?
  private var context: ChannelHandlerContext?

  init(context: MetricsContext, guarding: RequestGuard) {
    shared = context
    self.guarding = guarding
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: break  // bounded by the guard, and of no interest
    case .end:
      guard let head else { return }
      self.head = nil
      guarding.requestEnded()
      answer(head)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ head: HTTPRequestHead) {
    let path = head.uri.prefix { $0 != "?" }
    guard path == "/metrics" else {
      return respond(head, .notFound, "There is /metrics here, and nothing else.\n")
    }
    guard head.method == .GET || head.method == .HEAD else {
      return respond(
        head, .methodNotAllowed, "GET and HEAD are answered.\n", [("allow", "GET, HEAD")])
    }
    guard let context else { return }
    shared.thread.runIfActive(eventLoop: context.eventLoop, shared.read)
      .assumeIsolated().whenComplete { result in
        switch result {
        case .success(let text): self.respond(head, .ok, text, [], Self.contentType)
        case .failure:
          self.respond(head, .serviceUnavailable, "The engine cannot be read just now.\n")
        }
      }
  }

  private func respond(
    _ request: HTTPRequestHead, _ status: HTTPResponseStatus, _ text: String,
    _ more: [(String, String)] = [], _ type: String = "text/plain; charset=utf-8"
  ) {
    guard let context else { return }
    var headers = HTTPHeaders(more)
    headers.add(name: "content-type", value: type)
    headers.add(name: "content-length", value: String(text.utf8.count))
    let keepsAlive = request.isKeepAlive
    if !keepsAlive { headers.add(name: "connection", value: "close") }
    let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))),
        promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
      if keepsAlive { self.guarding.answerEnded() } else { self.context?.close(promise: nil) }
    }
  }
}
