import Foundation
import Testing

@testable import Dissection

/// What is not as it should be: holes, ends, lies.
@Suite struct TLSDamageTests {
  /// Each direction's bytes as a whole, in turns.
  private static let turns: [(toServer: Bool, bytes: [UInt8])] = [
    (true, TLSWire.record(22, TLSStreamTests.hello)),
    (false, TLSWire.record(22, TLSStreamTests.serverFlight)),
    (true, TLSStreamTests.clientFlight), (false, TLSStreamTests.serverEnd),
    (true, TLSWire.record(23, [UInt8](repeating: 3, count: 900))),
  ]

  @Test func holesAnywhere() {
    for turn in Self.turns.indices {
      let count = Self.turns[turn].bytes.count
      for start in stride(from: 0, to: count, by: max(1, count / 14)) {
        let bed = DissectionBed()
        let wire = Wire(on: bed, to: 443)
        wire.handshake()
        for (place, one) in Self.turns.enumerated() {
          guard place == turn else {
            wire.send(one.bytes, toServer: one.toServer)
            continue
          }
          let end = min(start + 150, count)
          wire.send(Array(one.bytes[..<start]), toServer: one.toServer)
          wire.lose(end - start, toServer: one.toServer)
          wire.send(Array(one.bytes[end...]), toServer: one.toServer)
        }
        wire.close()
        let records = TLSStreamTests.tls(bed)
        #expect(records.count == 1)
        // Of what is encrypted nothing is missing in the record.
        if turn < 2 { #expect(records.first?["incomplete"] as? Bool == true, "\(turn) \(start)") }
        if turn > 0 { #expect(records.first?["sni"] as? String == "www.example.org") }
      }
    }
  }

  @Test func endsAnywhere() {
    for turn in Self.turns.indices {
      let count = Self.turns[turn].bytes.count
      for end in stride(from: 0, to: count, by: max(1, count / 20)) {
        let bed = DissectionBed()
        let wire = Wire(on: bed, to: 443)
        wire.handshake()
        for one in Self.turns[..<turn] { wire.send(one.bytes, toServer: one.toServer) }
        wire.send(Array(Self.turns[turn].bytes[..<end]), toServer: Self.turns[turn].toServer)
        if end % 2 == 0 { wire.close() }
        let records = TLSStreamTests.tls(bed)
        #expect(records.count <= 1)
        if turn > 0 { #expect(records.count == 1) }
      }
    }
  }

  @Test(arguments: [true, false])
  func oneDirectionOnly(toServer: Bool) throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    for one in Self.turns where one.toServer == toServer {
      wire.send(one.bytes, toServer: toServer)
    }
    let tls = try #require(TLSStreamTests.tls(bed).first)
    if toServer {
      #expect(tls["sni"] as? String == "www.example.org")
      #expect(tls["version"] as? String == "UNDETERMINED")
    } else {
      #expect(tls["version"] as? String == "TLS 1.2")
      #expect(tls["serial"] as? String == "00:97:E6")
    }
    #expect(tls["incomplete"] as? Bool == true)
  }

  @Test func theMiddleOfAConnection() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    for _ in 0..<3 {
      wire.send(TLSWire.record(23, [UInt8](repeating: 8, count: 700)), toServer: true)
      wire.send(TLSWire.record(23, [UInt8](repeating: 8, count: 1700)), toServer: false)
    }
    #expect(TLSStreamTests.tls(bed).isEmpty)
    let flow = try #require(bed.records("flow").first)
    #expect(flow["app_proto"] as? String == "tls")
  }

  /// A chain beyond what is kept of a message: what is kept is told.
  @Test func aChainTooLong() throws {
    let bed = DissectionBed()
    let wire = Wire(on: bed, to: 443)
    wire.handshake()
    let chain = (0..<40).map { number in
      TLSWire.certificate(subject: TLSWire.name("number \(number)"), padding: 4000)
    }
    let flight =
      TLSWire.serverHello() + TLSWire.certificates(chain) + TLSWire.handshake(14, [])
    wire.send(TLSWire.record(22, TLSStreamTests.hello), toServer: true)
    for start in stride(from: 0, to: flight.count, by: 16_384) {
      wire.send(
        TLSWire.record(22, Array(flight[start..<min(start + 16_384, flight.count)])),
        toServer: false)
    }
    wire.send(TLSStreamTests.clientFlight, toServer: true)
    wire.send(TLSStreamTests.serverEnd, toServer: false)
    wire.close()
    let tls = try #require(TLSStreamTests.tls(bed).first)
    #expect(tls["subject"] as? String == "CN=number 0")
    #expect((tls["certificates"] as? [Any])?.count ?? 0 >= 10)
    #expect(tls["incomplete"] as? Bool == true)
    #expect(tls["ssl_history"] as? String == "CsxnXGIi")
    #expect(tls["established"] as? Bool == true)
  }

  @Test func lies() {
    // Lengths that lead nowhere, and messages that are nothing.
    let hostile: [[UInt8]] = [
      TLSWire.record(22, [1, 0x0f, 0xff, 0xff, 3, 3]),
      TLSWire.record(22, [1, 0, 0, 34, 3, 3] + [UInt8](repeating: 0xff, count: 32)),
      TLSWire.record(22, [2, 0, 0, 38, 3, 3] + [UInt8](repeating: 0xff, count: 36)),
      TLSWire.record(22, [11, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
      TLSWire.record(22, [11, 0, 0, 10, 0, 0, 7, 0, 0, 4, 0x30, 0x84, 0xff, 0xff]),
      TLSWire.record(22, [0, 0, 0, 0]) + TLSWire.record(99, [1]),
      TLSWire.record(22, TLSStreamTests.hello) + [0x16, 3, 9, 0, 0],
    ]
    for bytes in hostile {
      for toServer in [true, false] {
        let bed = DissectionBed()
        let wire = Wire(on: bed, to: 443)
        wire.handshake()
        wire.send(bytes, toServer: toServer, size: 3)
        wire.send([UInt8](repeating: 0x41, count: 3000), toServer: toServer)
        wire.close()
        #expect(TLSStreamTests.tls(bed).count <= 1)
      }
    }
  }

  /// Bytes changed at random in a conversation: nothing traps, nothing is kept.
  @Test func changedAtRandom() {
    var generator = SplitMix(state: 7)
    for round in 0..<60 {
      let bed = DissectionBed()
      let wire = Wire(on: bed, to: 443)
      wire.handshake()
      for one in Self.turns {
        var bytes = one.bytes
        for _ in 0..<Int.random(in: 0..<6, using: &generator) {
          let place = Int.random(in: 0..<bytes.count, using: &generator)
          bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
        wire.send(bytes, toServer: one.toServer, size: round % 3 == 0 ? 211 : 1460)
      }
      wire.close()
      #expect(TLSStreamTests.tls(bed).count <= 1)
    }
  }

  @Test func otherThingsAreNotTaken() {
    let other: [String] = ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\u{16}\u{3}hello there"]
    for text in other {
      let bytes = Array(text.utf8)
      let context = ProbeContext(isToServer: true, isTCP: true, serverPort: 443, clientPort: 4000)
      let answer = bytes.withUnsafeBufferPointer {
        TLSStream.probe(Bytes($0.baseAddress!, $0.count), context)
      }
      #expect(answer == .no)
    }
  }
}
