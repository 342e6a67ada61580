import FlowEngine

/// A conversation made byte by byte between 10.0.0.1, the client, and 10.0.0.2.
final class Wire {
  let bed: DissectionBed
  let clientPort: Int
  let serverPort: Int
  var time = 1_700_000_000.0
  /// Of the next byte each way.
  var clientSequence: UInt32
  var serverSequence: UInt32

  init(
    on bed: DissectionBed, to serverPort: Int, from clientPort: Int = 40_000,
    clientStart: UInt32 = 1000, serverStart: UInt32 = 700_000
  ) {
    self.bed = bed
    self.clientPort = clientPort
    self.serverPort = serverPort
    clientSequence = clientStart
    serverSequence = serverStart
  }

  static func be16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
  static func be32(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
  }

  private func ip(_ proto: UInt8, _ payload: [UInt8], toServer: Bool) -> [UInt8] {
    let macs: [UInt8] =
      toServer
      ? [2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa] : [2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb]
    let (from, to): ([UInt8], [UInt8]) =
      toServer ? ([10, 0, 0, 1], [10, 0, 0, 2]) : ([10, 0, 0, 2], [10, 0, 0, 1])
    var header: [UInt8] = [0x45, 0]
    header += Self.be16(20 + payload.count) + [0, 1, 0, 0, 64, proto, 0, 0]
    return macs + [8, 0] + header + from + to + payload
  }

  // MARK: UDP

  func datagram(_ payload: [UInt8], toServer: Bool, cut: Int = 0) {
    let (from, to) = toServer ? (clientPort, serverPort) : (serverPort, clientPort)
    let udp =
      Self.be16(from) + Self.be16(to) + Self.be16(8 + payload.count) + [0, 0] + payload
    let frame = ip(17, udp, toServer: toServer)
    bed.add(Array(frame.dropLast(cut)), at: time, wire: frame.count)
    time += 0.001
  }

  // MARK: TCP

  /// One segment as it is given; sequence and acknowledgement as they stand where nothing is said.
  func segment(
    _ payload: [UInt8] = [], toServer: Bool, flags: UInt8 = TCPFlags.ack,
    sequence: UInt32? = nil, acknowledgement: UInt32? = nil, cut: Int = 0
  ) {
    let (from, to) = toServer ? (clientPort, serverPort) : (serverPort, clientPort)
    let seq = sequence ?? (toServer ? clientSequence : serverSequence)
    let ack = acknowledgement ?? (toServer ? serverSequence : clientSequence)
    var tcp = Self.be16(from) + Self.be16(to)
    tcp += Self.be32(seq) + Self.be32(flags & TCPFlags.ack != 0 ? ack : 0)
    tcp += [5 << 4, flags] + Self.be16(60_000) + [0, 0, 0, 0] + payload
    let frame = ip(6, tcp, toServer: toServer)
    bed.add(Array(frame.dropLast(cut)), at: time, wire: frame.count)
    time += 0.001
  }

  func handshake() {
    segment(toServer: true, flags: TCPFlags.syn)
    clientSequence &+= 1
    segment(toServer: false, flags: TCPFlags.syn | TCPFlags.ack)
    serverSequence &+= 1
    segment(toServer: true)
  }

  /// Bytes in order, in segments of at the most `size`.
  func send(_ payload: [UInt8], toServer: Bool, size: Int = 1460) {
    var rest = payload[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      segment(piece, toServer: toServer, flags: TCPFlags.ack | TCPFlags.psh)
      advance(piece.count, toServer: toServer)
    }
  }

  func send(_ text: String, toServer: Bool, size: Int = 1460) {
    send(Array(text.utf8), toServer: toServer, size: size)
  }

  /// Bytes that are sent and not seen; the other side acknowledges them with what it sends next.
  func lose(_ count: Int, toServer: Bool) { advance(count, toServer: toServer) }

  private func advance(_ count: Int, toServer: Bool) {
    if toServer {
      clientSequence &+= UInt32(count)
    } else {
      serverSequence &+= UInt32(count)
    }
  }

  /// FIN from both sides.
  func close() {
    segment(toServer: true, flags: TCPFlags.fin | TCPFlags.ack)
    clientSequence &+= 1
    segment(toServer: false, flags: TCPFlags.fin | TCPFlags.ack)
    serverSequence &+= 1
    segment(toServer: true)
  }
}
