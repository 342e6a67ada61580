import FlowEngine
import Testing

/// A TCP conversation, segment by segment, between 10.0.0.1:40000, the client, and 10.0.0.2:80.
///
/// Sequence numbers are told as distances from where each side began: a SYN is 0, the first byte 1.
final class Conversation {
  static let clientAddress: UInt32 = 0x0a00_0001
  static let serverAddress: UInt32 = 0x0a00_0002

  /// Where the two sides may begin: anywhere, just before the wrap, and at it. Nothing may depend on it.
  static let beginnings: [(client: UInt32, server: UInt32)] = [
    (1000, 700_000), (0xffff_ffff, 0xffff_ff00), (0xffff_ff9c, 0), (0x7fff_ffff, 0x8000_0000),
  ]

  let bed: WorkerBed
  let clientStart: UInt32
  let serverStart: UInt32
  let clientPort: Int
  let serverPort: Int
  var time = 100.0

  init(
    on bed: WorkerBed? = nil, from start: (client: UInt32, server: UInt32) = (1000, 700_000),
    clientPort: Int = 40_000, serverPort: Int = 80
  ) {
    self.bed = bed ?? WorkerBed()
    if bed == nil { self.bed.start(at: 100) }
    (clientStart, serverStart) = start
    self.clientPort = clientPort
    self.serverPort = serverPort
  }

  /// Flags by their letters: S, A, F, R, P.
  static func flags(_ letters: String) -> UInt8 {
    letters.reduce(0) { sum, letter in
      switch letter {
      case "S": sum | TCPFlags.syn
      case "A": sum | TCPFlags.ack
      case "F": sum | TCPFlags.fin
      case "R": sum | TCPFlags.rst
      case "P": sum | TCPFlags.psh
      default: fatalError("no flag has the letter \(letter)")
      }
    }
  }

  /// The window scale as a SYN's option, padded.
  static func scale(_ shift: UInt8) -> [UInt8] { [3, 3, shift, 1] }

  func client(
    _ letters: String, _ seq: UInt32, ack: UInt32 = 0, data: Int = 0, window: Int = 1000,
    options: [UInt8] = []
  ) {
    add(
      Frames.ipv4(
        6,
        Frames.tcp(
          clientPort, serverPort, seq: clientStart &+ seq,
          ack: letters.contains("A") ? serverStart &+ ack : 0, flags: Self.flags(letters),
          window: window, options: options, payload: [UInt8](repeating: 1, count: data)),
        src: Self.clientAddress, dst: Self.serverAddress))
  }

  func server(
    _ letters: String, _ seq: UInt32, ack: UInt32 = 0, data: Int = 0, window: Int = 1000,
    options: [UInt8] = []
  ) {
    add(
      Frames.ipv4(
        6,
        Frames.tcp(
          serverPort, clientPort, seq: serverStart &+ seq,
          ack: letters.contains("A") ? clientStart &+ ack : 0, flags: Self.flags(letters),
          window: window, options: options, payload: [UInt8](repeating: 2, count: data)),
        src: Self.serverAddress, dst: Self.clientAddress))
  }

  private func add(_ packet: [UInt8]) {
    bed.add(Frames.ethernet(0x0800, packet), at: time)
    time += 0.001
  }

  func handshake(scale: UInt8? = nil) {
    let options = scale.map(Self.scale) ?? []
    client("S", 0, options: options)
    server("SA", 0, ack: 1, options: options)
    client("A", 1, ack: 1)
  }

  /// Both sides' FIN behind what they have sent.
  func goodbye(_ clientNext: UInt32 = 1, _ serverNext: UInt32 = 1) {
    client("FA", clientNext, ack: serverNext)
    server("FA", serverNext, ack: clientNext &+ 1)
    client("A", clientNext &+ 1, ack: serverNext &+ 1)
  }

  /// All flows, in the order of their beginning. Every packet is in one of them.
  func flows() -> [FlowRecord] {
    bed.run()
    let records = bed.finish().sorted { $0.cold.firstSeen < $1.cold.firstSeen }
    #expect(bed.unaccounted.allSatisfy { $0 == 0 })
    let packets = records.reduce(0) { $0 + $1.hot.sideA.packets + $1.hot.sideB.packets }
    #expect(packets == bed.total(.countedInFlows))
    return records
  }

  /// The one flow that all of it is.
  func flow(_ sourceLocation: SourceLocation = #_sourceLocation) throws -> FlowRecord {
    let records = flows()
    #expect(records.count == 1, sourceLocation: sourceLocation)
    return try #require(records.first, sourceLocation: sourceLocation)
  }
}

extension FlowRecord {
  /// States of the two TCP end points, the originator's first.
  var tcpStates: [TCPEndpointState] {
    let originator: UInt8 = originatorIsB ? 1 : 0
    return [cold.tcpState(originator), cold.tcpState(1 - originator)]
  }

  /// What an anomaly record is about.
  var violation: Counter? { Counter(rawValue: Int(event)) }

  var hasFlow: Bool { parts & Parts.flow != 0 }
  var hasKey: Bool { parts & Parts.key != 0 }
  var hasTunnel: Bool { parts & Parts.tunnel != 0 }
}

extension WorkerBed {
  /// Names of what has been reported, in order; the rings are emptied.
  func reported() -> [Counter] { anomalies.compactMap(\.violation) }
}
