import FlowEngine
import Foundation
import Testing

@testable import Dissection

/// What hostile peers do costs no more than its limit, and is told by name in a record.
@Suite struct HostilePeerTests {
  /// An attack: on which port, what it does, how much memory it may hold at any time, and what is told of it.
  struct Attack: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let port: Int
    let mostBytes: Int
    let event: Counter
    var settings = DissectionSettings()
    /// Does one step after the other.
    let run: @Sendable (Wire, () -> Void) -> Void

    init(
      _ name: String, port: Int, mostKilobytes: Int, _ event: Counter,
      settings: DissectionSettings = DissectionSettings(),
      run: @escaping @Sendable (Wire, () -> Void) -> Void
    ) {
      testDescription = name
      self.port = port
      mostBytes = mostKilobytes << 10
      self.event = event
      self.settings = settings
      self.run = run
    }
  }

  @Test(arguments: HostileStreams.all + HostileMessages.all)
  func costsNoMoreThanItsLimit(_ attack: Attack) throws {
    let bed = DissectionBed(attack.settings)
    let wire = Wire(on: bed, to: attack.port)
    var most = 0
    attack.run(wire) { most = max(most, bed.buffersInUse) }
    #expect(most <= attack.mostBytes, "\(most) bytes were held")
    #expect(bed.statesInUse <= 1)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(bed.counters[attack.event] > 0, "it is counted")
    let name = try #require(attack.event.violation.map { "\($0.event)" })
    let events = bed.records("anomaly").compactMap {
      ($0["anomaly"] as? [String: Any])?["event"] as? String
    }
    // HTTP has Suricata's own name for one of them.
    #expect(events.contains(name) || events.contains("COMPRESSION_BOMB"), "\(events)")
  }

  /// A flow that finds no state is counted, and is a flow like any other.
  @Test func statesAreAsManyAsThereAre() {
    var settings = DissectionSettings()
    settings.flowCapacity = 64
    let bed = DissectionBed(settings)
    for number in 0..<400 {
      let wire = Wire(on: bed, to: 80, from: 10_000 + number)
      wire.handshake()
      wire.send("GET / HTTP/1.1\r\n", toServer: true)
      #expect(bed.statesInUse <= 64)
    }
    #expect(bed.counters[.dissectionNoState] == 400 - 64)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(bed.records("flow").count == 400)
  }

  /// Each direction's hold, a thousand times over: the pool does not give more than it has, and what finds
  /// nothing is counted.
  @Test func thePoolIsTheSum() {
    var settings = DissectionSettings()
    settings.bufferBytes = 1 << 20
    settings.flowCapacity = 64
    let bed = DissectionBed(settings)
    for number in 0..<400 {
      let wire = Wire(on: bed, to: 80, from: 10_000 + number)
      wire.handshake()
      wire.send("GET / HTTP/1.1\r\n", toServer: true)
      for hole in 1...50 {
        wire.segment(
          Array("X-A: b\r\n".utf8), toServer: true,
          sequence: wire.clientSequence &+ UInt32(hole * 100))
      }
      #expect(bed.buffersInUse <= 1 << 20)
      #expect(bed.statesInUse <= 64)
    }
    #expect(bed.counters[.dissectionNoMemory] > 0)
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    #expect(bed.records("flow").count == 400)
  }
}

/// Segments.
enum HostileStreams {
  typealias Attack = HostilePeerTests.Attack
  private static let held = 256

  private static func holding(kilobytes: Int) -> DissectionSettings {
    var settings = DissectionSettings()
    settings.heldBytesPerDirection = kilobytes << 10
    return settings
  }

  static let all: [Attack] = [
    Attack("a thousand holes of one byte", port: 80, mostKilobytes: 80, .streamHeldTooMuch) {
      wire, step in
      wire.handshake()
      wire.send("GET /", toServer: true)
      for place in 1...1000 {
        wire.segment([0x61], toServer: true, sequence: wire.clientSequence &+ UInt32(2 * place))
        step()
      }
    },
    Attack(
      "one-byte segments in reverse", port: 80, mostKilobytes: 2 + 1 + 1, .streamHeldTooMuch,
      settings: holding(kilobytes: 2)
    ) { wire, step in
      wire.handshake()
      wire.send("GET /", toServer: true)
      for place in stride(from: 3000, to: 0, by: -1) {
        wire.segment([0x61], toServer: true, sequence: wire.clientSequence &+ UInt32(place))
        step()
      }
    },
    Attack(
      "full segments in reverse", port: 80, mostKilobytes: 32 + 4 + 1, .streamHeldTooMuch,
      settings: holding(kilobytes: 32)
    ) { wire, step in
      wire.handshake()
      wire.send("GET /", toServer: true)
      let full = [UInt8](repeating: 0x61, count: 1460)
      // Within the window, 64 KiB.
      for place in stride(from: 43, to: 0, by: -1) {
        wire.segment(full, toServer: true, sequence: wire.clientSequence &+ UInt32(place * 1460))
        step()
      }
    },
    Attack(
      "more behind a hole than may wait", port: 80, mostKilobytes: held + 64 + 1,
      .streamHeldTooMuch
    ) { wire, step in
      wire.handshake()
      wire.send("GET /", toServer: true)
      let full = [UInt8](repeating: 0x61, count: 1460)
      for place in 1...2000 {
        wire.segment(full, toServer: true, sequence: wire.clientSequence &+ UInt32(place * 1460))
        step()
      }
    },
    Attack(
      "every other byte, and then the rest", port: 80, mostKilobytes: held + 2, .streamHeldTooMuch
    ) {
      wire, step in
      wire.handshake()
      wire.send("GET /", toServer: true)
      // Holes open and close without end, and all of it waits behind the first one.
      for place in 1...4000 {
        let at = place % 128 < 64 ? 2 * (place % 64) : 2 * (place % 64) + 1
        wire.segment(
          [0x61], toServer: true,
          sequence: wire.clientSequence &+ UInt32(2 + place / 128 * 128 + at))
        step()
      }
      for place in 0..<100 {
        wire.segment(
          [0x61], toServer: true, sequence: wire.clientSequence &+ UInt32(9000 + 2 * place))
        step()
      }
    },
    Attack("one-byte segments without end", port: 80, mostKilobytes: 80, .appHeadersTooLong) {
      wire, step in
      wire.handshake()
      for byte in Array("GET / HTTP/1.1\r\n".utf8) { wire.send([byte], toServer: true) }
      for _ in 0..<40_000 {
        wire.send([0x61], toServer: true)
        step()
      }
    },
    Attack("segments that contradict", port: 80, mostKilobytes: 80, .streamOverlapDiffers) {
      wire, step in
      wire.handshake()
      for round in 0..<200 {
        let bytes = [UInt8](repeating: UInt8(0x61 + round % 20), count: 900)
        wire.segment(
          bytes, toServer: true, sequence: wire.clientSequence &+ UInt32(1 + round * 7 % 300))
        step()
      }
    },
  ]
}

/// Messages.
enum HostileMessages {
  typealias Attack = HostilePeerTests.Attack

  private static func send(
    _ name: String, _ port: Int, _ kilobytes: Int, _ event: Counter,
    settings: DissectionSettings = DissectionSettings(), toServer: Bool = true,
    first: [(Bool, [UInt8])] = [], _ bytes: [UInt8]
  ) -> Attack {
    Attack(name, port: port, mostKilobytes: kilobytes, event, settings: settings) { wire, step in
      wire.handshake()
      for (toServer, bytes) in first { wire.send(bytes, toServer: toServer) }
      for start in stride(from: 0, to: bytes.count, by: 1460) {
        wire.send(Array(bytes[start..<min(start + 1460, bytes.count)]), toServer: toServer)
        step()
      }
    }
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
  private static func lines(_ line: String, _ count: Int) -> [UInt8] {
    (0..<count).flatMap { Array(line.replacingOccurrences(of: "#", with: "\($0)").utf8) }
  }

  static let all = web + names + mail + others

  private static var hashing: DissectionSettings {
    var settings = DissectionSettings()
    settings.hashesFiles = true
    return settings
  }

  private static let web: [Attack] = [
    send(
      "endless HTTP headers", 80, 80, .appHeadersTooLong,
      text("GET / HTTP/1.1\r\n") + lines("X-#: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 10_000)),
    send(
      "more HTTP headers than anybody has", 80, 80, .appHeadersTooLong,
      text("GET / HTTP/1.1\r\n") + lines("A:\r\n", 5000) + text("\r\n")),
    send(
      "an endless request line", 80, 80, .appHeadersTooLong,
      [UInt8]("GET /".utf8) + lines("a", 90_000)),
    send(
      "thousands of requests in a row", 80, 200, .appTooManyTransactions,
      lines("GET /# HTTP/1.1\r\nHost: a\r\n\r\n", 5000)),
    send(
      "a chunk whose size overflows", 80, 80, .appMalformed, toServer: false,
      first: [(true, text("GET / HTTP/1.1\r\n\r\n"))],
      text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc\r\n")),
    send(
      "a line of a chunk's size without end", 80, 80, .appMalformed, toServer: false,
      first: [(true, text("GET / HTTP/1.1\r\n\r\n"))],
      text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;") + lines("a", 50_000)),
    send(
      "endless trailers", 80, 80, .appHeadersTooLong, toServer: false,
      first: [(true, text("GET / HTTP/1.1\r\n\r\n"))],
      text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n") + lines("a: b\r\n", 9000)),
    send(
      "a body that grows", 80, 80, .appDecompressionBomb, settings: hashing, toServer: false,
      first: [(true, text("GET / HTTP/1.1\r\n\r\n"))],
      text("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        + [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + HTTPFileTests.zeros),
    send(
      "HPACK: many references to a large entry", 80, 300, .appHeadersTooLong,
      HTTP2Tests.preface + HTTP2Tests.settings
        + HTTP2Tests.frame(
          1, 4, 1,
          [0x40, 1, 0x78, 0x7f, 0x81, 0x1e] + [UInt8](repeating: 0x79, count: 3968))
        + HTTP2Tests.frame(1, 5, 3, [UInt8](repeating: 0xbe, count: 16_000))),
    send(
      "HPACK: continuations without end", 80, 300, .appHeadersTooLong,
      HTTP2Tests.preface + HTTP2Tests.settings + HTTP2Tests.frame(1, 0, 1, [0x82])
        + (0..<300).flatMap { _ in
          HTTP2Tests.frame(9, 0, 1, [UInt8](repeating: 0x82, count: 1000))
        }),
    send(
      "HTTP/2: more streams than anybody opens", 80, 800, .appTooManyTransactions,
      HTTP2Tests.preface + HTTP2Tests.settings
        + (0..<3000).flatMap { HTTP2Tests.frame(1, 5, UInt32(2 * $0 + 1), [0x82, 0x86, 0x84]) }),
  ]

  private static let names: [Attack] = [
    Attack("DNS names that go round", port: 53, mostKilobytes: 80, .appCompressionLoop) {
      wire, step in
      wire.datagram(DNSBuild.query("a.example"), toServer: true)
      var message = DNSBuild.header(flags: 0x8180, 1, 2000) + DNSBuild.question("a.example")
      let start = message.count
      for _ in 0..<2000 { message += DNSBuild.record(5, [0xc0, UInt8(start + 12)]) }
      wire.datagram(Array(message.prefix(60_000)), toServer: false)
      step()
    },
    Attack("DNS: thousands of questions", port: 53, mostKilobytes: 80, .appTooManyTransactions) {
      wire, step in
      for number in 0..<4000 {
        wire.datagram(DNSBuild.query("n\(number).example", number), toServer: true)
        step()
      }
    },
    send(
      "a TLS hello of 16 MB", 443, 80, .appMessageTooLong,
      TLSWire.record(22, [1, 0xff, 0xff, 0xff] + [UInt8](repeating: 3, count: 4000))
        + (0..<100).flatMap { _ in TLSWire.record(22, [UInt8](repeating: 3, count: 16_000)) }),
    send(
      "a chain of certificates beyond 64 KiB", 443, 300, .appMessageTooLong, toServer: false,
      first: [(true, TLSWire.record(22, TLSStreamTests.hello))],
      {
        let chain = (0..<40).map { number in
          TLSWire.certificate(subject: TLSWire.name("number \(number)"), padding: 4000)
        }
        let flight = TLSWire.serverHello() + TLSWire.certificates(chain)
        return stride(from: 0, to: flight.count, by: 16_384).flatMap {
          TLSWire.record(22, Array(flight[$0..<min($0 + 16_384, flight.count)]))
        }
      }()),
  ]

  private static let greeting: [(Bool, [UInt8])] = [
    (false, text("220 mail ESMTP\r\n")), (true, text("EHLO a\r\n")), (false, text("250 ok\r\n")),
    (true, text("MAIL FROM:<a@b>\r\n")), (false, text("250 ok\r\n")),
  ]
  private static let inData: [(Bool, [UInt8])] =
    greeting + [
      (true, text("RCPT TO:<c@d>\r\nDATA\r\n")), (false, text("250 ok\r\n354 go on\r\n")),
    ]

  private static let mail: [Attack] = [
    send(
      "an endless SMTP command", 25, 80, .appMessageTooLong, first: greeting, lines("a", 90_000)),
    send(
      "recipients without end", 25, 80, .appTooManyTransactions, first: greeting,
      lines("RCPT TO:<#@example.com>\r\n", 3000)),
    send(
      "parts within parts", 25, 80, .appTooManyTransactions, first: inData,
      lines("Content-Type: multipart/mixed; boundary=b#\r\n\r\n--b#\r\n", 60)),
    send(
      "parts without end", 25, 120, .appTooManyTransactions, first: inData,
      text("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
        + lines("--b\r\nContent-Disposition: attachment; filename=f#\r\n\r\nx\r\n", 3000)),
    send(
      "a mail's header without end", 25, 120, .appHeadersTooLong, first: inData,
      text("X-Long: ") + lines("a", 200_000)),
    send(
      "an endless FTP command", 21, 80, .appMessageTooLong,
      first: [(false, text("220 FTP\r\n")), (true, text("USER joe\r\n"))], lines("a", 60_000)),
    send(
      "FTP commands that do not wait", 21, 80, .appTooManyTransactions,
      first: [(false, text("220 FTP\r\n")), (true, text("USER joe\r\n"))],
      lines("RETR file#\r\n", 3000)),
    send(
      "an endless POP3 command", 110, 80, .appMessageTooLong,
      first: [(false, text("+OK POP3\r\n")), (true, text("USER joe\r\n"))], lines("a", 60_000)),
    send(
      "POP3 commands that do not wait", 110, 80, .appTooManyTransactions,
      first: [(false, text("+OK POP3\r\n")), (true, text("USER joe\r\n"))],
      lines("RETR #\r\n", 3000)),
    send(
      "an endless IMAP command", 143, 80, .appMessageTooLong,
      first: [(false, text("* OK IMAP4rev1\r\n")), (true, text("a CAPABILITY\r\n"))],
      lines("a", 60_000)),
    send(
      "IMAP commands that do not wait", 143, 80, .appTooManyTransactions,
      first: [(false, text("* OK IMAP4rev1\r\n")), (true, text("a CAPABILITY\r\n"))],
      lines("a# NOOP\r\n", 3000)),
  ]

  private static let others: [Attack] = [
    send(
      "endless SIP headers", 5060, 80, .appHeadersTooLong,
      text("INVITE sip:a@b SIP/2.0\r\n") + lines("X-#: bbbbbbbbbbbbbbbbb\r\n", 5000)),
    send(
      "more SIP headers than anybody has", 5060, 80, .appHeadersTooLong,
      text("INVITE sip:a@b SIP/2.0\r\n") + lines("X-#: b\r\n", 300) + text("\r\n")),
    Attack("logins without end", port: 23, mostKilobytes: 80, .appTooManyTransactions) {
      wire, step in
      wire.handshake()
      for _ in 0..<200 {
        wire.send("\r\nlogin: ", toServer: false)
        wire.send("joe\r\n", toServer: true)
        wire.send("\r\nPassword: ", toServer: false)
        wire.send("x\r\n", toServer: true)
        wire.send("\r\nLogin incorrect\r\n", toServer: false)
        step()
      }
    },
    send(
      "more MQTT messages than anybody waits for", 1883, 200, .appTooManyTransactions,
      [0x10, 14, 0, 4] + text("MQTT") + [4, 2, 0, 60, 0, 2] + text("id")
        + (0..<3000).flatMap {
          [UInt8(0x32), 5, 0, 1, 0x74] + Wire.be16($0 + 1)
        }),
  ]
}
