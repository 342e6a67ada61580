import FlowEngine
import Testing

@testable import Dissection

/// Segments of TCP that come in IP fragments are looked at as though they had come whole.
struct FragmentedSegmentTests {
  /// What becomes of the fragments of a segment on the way.
  enum Way: CaseIterable, Sendable {
    case inOrder
    case reversed
    case twice
    /// The first one comes last but for one.
    case mixed

    func callAsFunction(_ frames: [[UInt8]]) -> [[UInt8]] {
      switch self {
      case .inOrder: frames
      case .reversed: frames.reversed()
      case .twice: frames.flatMap { [$0, $0] }
      case .mixed: Array(frames.dropFirst(2) + frames.prefix(1) + frames.dropFirst().prefix(1))
      }
    }
  }

  /// A connection over IPv4 or IPv6 whose segments may be cut.
  final class Connection {
    let bed: DissectionBed
    let isV6: Bool
    let serverPort: Int
    var time = 1_700_000_000.0
    /// Of the next byte: the client's, the server's.
    var next: [UInt32] = [1000, 700_000]
    private var id = 0

    init(_ bed: DissectionBed, isV6: Bool, to serverPort: Int = 80) {
      self.bed = bed
      self.isV6 = isV6
      self.serverPort = serverPort
      for (toServer, flags) in [(true, TCPFlags.syn), (false, TCPFlags.syn | TCPFlags.ack)] {
        add(frames(segment([], toServer: toServer, flags: flags), toServer: toServer))
        next[toServer ? 0 : 1] &+= 1
      }
      add(frames(segment([], toServer: true), toServer: true))
    }

    func add(_ frames: [[UInt8]]) {
      for frame in frames {
        bed.add(frame, at: time)
        time += 0.001
      }
    }

    func segment(_ payload: [UInt8], toServer: Bool, flags: UInt8 = TCPFlags.ack) -> [UInt8] {
      let ports = toServer ? [40_000, serverPort] : [serverPort, 40_000]
      let acknowledgement = flags & TCPFlags.ack != 0 ? next[toServer ? 1 : 0] : 0
      return ports.flatMap(Wire.be16) + Wire.be32(next[toServer ? 0 : 1])
        + Wire.be32(acknowledgement) + [5 << 4, flags] + Wire.be16(60_000) + [0, 0, 0, 0] + payload
    }

    /// The frames of a segment, one where `size` is nil, else pieces of that many bytes.
    func frames(_ segment: [UInt8], toServer: Bool, size: Int? = nil) -> [[UInt8]] {
      id += 1
      let size = size ?? 65_528
      return stride(from: 0, to: segment.count, by: size).map {
        piece(
          Array(segment[$0..<min($0 + size, segment.count)]), at: $0,
          isLast: $0 + size >= segment.count, toServer: toServer)
      }
    }

    func piece(_ bytes: [UInt8], at offset: Int, isLast: Bool, toServer: Bool) -> [UInt8] {
      let macs: [UInt8] =
        toServer
        ? [2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa] : [2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb]
      let hosts: [UInt8] = toServer ? [1, 2] : [2, 1]
      let isCut = offset > 0 || !isLast
      guard isV6 else {
        var header: [UInt8] = [0x45, 0] + Wire.be16(20 + bytes.count) + Wire.be16(id)
        header += Wire.be16(offset / 8 | (isLast ? 0 : 0x2000)) + [64, 6, 0, 0]
        return macs + [8, 0] + header + hosts.flatMap { [10, 0, 0, $0] } + bytes
      }
      let addresses = hosts.flatMap { [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [$0] }
      var header: [UInt8] = [0x60, 0, 0, 0] + Wire.be16(bytes.count + (isCut ? 8 : 0))
      header += [isCut ? 44 : 6, 64] + addresses
      if isCut { header += [6, 0] + Wire.be16(offset | (isLast ? 0 : 1)) + Wire.be32(UInt32(id)) }
      return macs + [0x86, 0xdd] + header + bytes
    }

    /// Bytes in order, cut or not.
    func send(
      _ payload: [UInt8], toServer: Bool, flags: UInt8 = TCPFlags.ack, size: Int? = nil,
      way: ([[UInt8]]) -> [[UInt8]] = { $0 }
    ) {
      add(
        way(
          frames(segment(payload, toServer: toServer, flags: flags), toServer: toServer, size: size)
        ))
      next[toServer ? 0 : 1] &+= UInt32(payload.count) + (flags & TCPFlags.fin != 0 ? 1 : 0)
    }

    func send(
      _ text: String, toServer: Bool, size: Int? = nil, way: ([[UInt8]]) -> [[UInt8]] = { $0 }
    ) {
      send(Array(text.utf8), toServer: toServer, size: size, way: way)
    }
  }

  /// As long as sixteen pieces of `size` hold: of more the order in which they come matters.
  private static func get(_ name: String, size: Int = 64) -> String {
    let padding = String(repeating: "u", count: min(300, size * 16 - 100))
    return "GET /\(name) HTTP/1.1\r\nHost: h\r\nUser-Agent: \(padding)\r\n\r\n"
  }
  private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

  private static func pairs(_ bed: DissectionBed) -> [String] {
    bed.records("http").map { record in
      let http = HTTPTests.http(record)
      return "\(http["url"] ?? "-") \(http["status"] ?? "-")"
        + (http["incomplete"] == nil ? "" : " incomplete")
    }
  }

  @Test(arguments: [false, true], [8, 16, 24, 64, 256])
  func asThoughWhole(isV6: Bool, size: Int) {
    for way in Way.allCases {
      let bed = DissectionBed()
      let connection = Connection(bed, isV6: isV6)
      for name in ["a", "b", "c"] {
        let request = Self.get(name, size: size)
        connection.send(request, toServer: true, size: size, way: way.callAsFunction)
        connection.send(Self.answer, toServer: false, size: size, way: way.callAsFunction)
      }
      // One that comes whole goes on where they have ended.
      connection.send(Self.get("d"), toServer: true)
      connection.send(Self.answer, toServer: false)
      connection.send([], toServer: true, flags: TCPFlags.fin | TCPFlags.ack)
      connection.send([], toServer: false, flags: TCPFlags.fin | TCPFlags.ack)
      bed.finish()
      #expect(Self.pairs(bed) == ["/a 200", "/b 200", "/c 200", "/d 200"], "\(way)")
      #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    }
  }

  @Test(arguments: [false, true]) func aHelloOfTLS(isV6: Bool) throws {
    let hello = TLSWire.record(
      22,
      TLSWire.clientHello(extensions: TLSWire.sni("example.org")))
    for way in Way.allCases {
      let bed = DissectionBed()
      let connection = Connection(bed, isV6: isV6, to: 443)
      connection.send(hello, toServer: true, size: 32, way: way.callAsFunction)
      bed.finish()
      let tls = try #require(bed.records("tls").first?["tls"] as? [String: Any])
      #expect(tls["sni"] as? String == "example.org")
    }
  }

  /// What cannot be put together is a hole in the stream.
  @Test(arguments: [false, true]) func whatCannotBePutTogether(isV6: Bool) {
    for lost in [true, false] {
      let bed = DissectionBed()
      let connection = Connection(bed, isV6: isV6)
      connection.send(Self.get("a"), toServer: true)
      connection.send(Self.answer, toServer: false)
      connection.send(Self.get("b"), toServer: true, size: 128) { frames in
        if lost { return Array(frames.prefix(1) + frames.dropFirst(2)) }
        let other = connection.piece(
          [UInt8](repeating: 0x41, count: 128), at: 192, isLast: false, toServer: true)
        return Array(frames.prefix(2) + [other] + frames.dropFirst(2))
      }
      connection.send(Self.answer, toServer: false)
      connection.send(Self.get("c"), toServer: true)
      connection.send(Self.answer, toServer: false)
      bed.finish()
      #expect(Self.pairs(bed) == ["/a 200", "- 200 incomplete", "/c 200"], "\(lost)")
      #expect(bed.counters[.datagramsIncomplete] == (lost ? 1 : 0))
      #expect(bed.counters[.fragmentOverlap] == (lost ? 0 : 1))
      #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    }
  }

  /// The end of a direction in fragments, and what a flow holds of those that never come.
  @Test func endsAndRests() {
    let bed = DissectionBed()
    let connection = Connection(bed, isV6: false)
    connection.send(Self.get("a"), toServer: true, size: 64)
    let last = Array("HTTP/1.1 200 OK\r\n\r\nup to the end".utf8)
    connection.send(last, toServer: false, flags: TCPFlags.fin | TCPFlags.ack, size: 16)
    #expect(Self.pairs(bed) == ["/a 200"])
    connection.send(Self.get("b"), toServer: true, size: 64) { Array($0.dropLast()) }
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }

  /// A thousand bytes of data in three fragments, out of Suricata's tests.
  @Test(.enabled(if: PublicCaptures.areHere)) func aRealOne() {
    let bed = DissectionBed()
    bed.read(
      (PublicCaptures.folder ?? "")
        + "/suricata-verify/tests/defrag/bug-6887-defrag-ipv6-tcp/frag-ip-tcp.pcap")
    bed.finish()
    #expect(bed.counters[.payloadsShown] == 1)
    #expect(bed.counters[.payloadBytesShown] == 1000)
    #expect(bed.counters[.countedInFlows] == 3)
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
  }
}
