import CCrypto
import Foundation
import Testing

@testable import Dissection

@Suite struct QUICTests {
  let id: [UInt8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08]

  func run(_ hidden: Bool = false, _ body: (Wire) -> Void) -> DissectionBed {
    var settings = DissectionSettings()
    settings.wantsHiddenRecords = hidden
    let bed = DissectionBed(settings)
    body(Wire(on: bed, to: 443))
    bed.finish()
    #expect(bed.buffersInUse == 0 && bed.statesInUse == 0)
    return bed
  }

  func quic(_ bed: DissectionBed) -> [[String: Any]] {
    bed.records("quic").map { $0["quic"] as! [String: Any] }
  }

  @Test func stateFits() {
    #expect(MemoryLayout<QUICDatagrams.State>.size <= FlowState.ownBytes)
    #expect(MemoryLayout<QUICKeys>.offset(of: \.version) == 44)
  }

  @Test func packetsOfTheSpecification() {
    let bed = run { wire in
      wire.datagram(QUICVectors.client1, toServer: true)
      wire.datagram(QUICVectors.server1, toServer: false)
    }
    let records = quic(bed)
    #expect(records.count == 2)
    let client = records[0]
    #expect(client["version"] as? String == "1" && client["version_name"] as? String == "v1")
    #expect(client["sni"] as? String == "example.com")
    #expect(client["client_alpns"] as? [String] == ["alpn"])
    #expect(client["client_initial_dcid"] as? String == "8394c8f03e515708")
    #expect(client["client_scid"] as? String == "")
    let ja3 = client["ja3"] as! [String: String]
    #expect(ja3["string"] == "771,4865-4866,0-65281-10-16-5-51-43-13-45-28-57,29-23-24,")
    #expect((client["ja4"] as! String).hasPrefix("q13d0211an_"))
    let extensions = client["extensions"] as! [[String: Any]]
    #expect(extensions.count == 11)
    #expect(extensions[0]["name"] as? String == "server_name")
    #expect(extensions[0]["values"] as? [String] == ["example.com"])
    let server = records[1]
    #expect((server["ja3s"] as! [String: String])["string"] == "771,4865,51-43")
    #expect(server["cipher"] as? String == "TLS_AES_128_GCM_SHA256")
    #expect(server["group"] as? String == "x25519" && server["resumed"] as? Bool == false)
    #expect(server["server_scid"] as? String == "f067a5502a4262b5")
    #expect(bed.records("quic")[1]["src_port"] as? Int == 443)
  }

  @Test func versionsThatAreCompatible() {
    let bed = run { wire in
      wire.datagram(QUICVectors.client1, toServer: true)
      wire.datagram(QUICVectors.server2, toServer: false)
    }
    let server = quic(bed)[1]
    #expect(server["version"] as? String == "6b3343cf")
    #expect(server["version_negotiated"] as? Bool == true)
  }

  @Test(
    arguments: [
      1, 0x6b33_43cf, 0xff00_0016, 0xff00_0017, 0xff00_001d, 0xff00_0022,
      0xface_b001, 0xface_b002, 0x5430_3530, 0x5430_3531,
    ] as [UInt32])
  func everyVersionWithKeys(version: UInt32) {
    let bed = run { wire in
      wire.datagram(
        QUICMaker.initial(
          QUICMaker.crypto(0, QUICMaker.hello[...]), version: version, dcid: id), toServer: true)
    }
    #expect(quic(bed).first?["sni"] as? String == "example.com")
  }

  /// Pieces in any order, over one packet or several, some twice, some overlapping.
  @Test func piecesInAnyOrder() {
    let hello = QUICMaker.hello
    var generator = SplitMix(state: 7)
    for round in 0..<12 {
      var cuts = (0..<12).map { _ in Int.random(in: 0...hello.count, using: &generator) }
      cuts = ([0, hello.count] + cuts).sorted()
      var pieces = zip(cuts, cuts.dropFirst()).map { ($0, min($1 + round % 3, hello.count)) }
      pieces.shuffle(using: &generator)
      pieces.append(pieces[0])
      let frames = pieces.map { QUICMaker.crypto($0.0, hello[$0.0..<max($0.0, $0.1)]) }
      let bed = run { wire in
        if round % 2 == 0 {
          wire.datagram(
            QUICMaker.initial([1] + Array(frames.joined()), dcid: id), toServer: true)
        } else {
          for (number, frame) in frames.enumerated() {
            wire.datagram(
              QUICMaker.initial(frame, dcid: id, number: UInt32(number)), toServer: true)
          }
        }
      }
      let records = quic(bed)
      #expect(records.count == 1 && records[0]["sni"] as? String == "example.com")
      #expect((records[0]["ja4"] as? String)?.hasPrefix("q13d0211an") == true)
      #expect(records[0]["incomplete"] == nil)
    }
  }

  @Test func aPieceThatIsMissing() {
    let hello = QUICMaker.hello
    let bed = run { wire in
      wire.datagram(
        QUICMaker.initial(QUICMaker.crypto(0, hello[0..<120]), dcid: id), toServer: true)
    }
    let record = quic(bed)[0]
    #expect(record["sni"] as? String == "example.com" && record["ja4"] == nil)
    #expect(record["incomplete"] as? Bool == true)
  }

  @Test func aDatagramThatTheCaptureHasCut() {
    let packet = QUICMaker.initial(QUICMaker.crypto(0, QUICMaker.hello[...]), dcid: id)
    let bed = run { $0.datagram(packet, toServer: true, cut: 800) }
    let record = quic(bed)[0]
    #expect(record["sni"] as? String == "example.com" && record["incomplete"] as? Bool == true)
  }

  @Test func retryBringsOtherKeys() {
    let other: [UInt8] = [9, 9, 9, 9]
    let first = QUICMaker.initial(QUICMaker.crypto(0, QUICMaker.hello[...]), dcid: id)
    let retry: [UInt8] =
      [0xf0] + Wire.be32(1) + [0, 4] + other + [UInt8](repeating: 7, count: 40)
    let second = QUICMaker.initial(
      QUICMaker.crypto(0, QUICMaker.hello[...]), dcid: other, token: [1, 2, 3], number: 1)
    let bed = run(true) { wire in
      wire.datagram(first, toServer: true)
      wire.datagram(retry, toServer: false)
      wire.datagram(second, toServer: true)
    }
    let records = quic(bed)
    #expect(records.count == 2 && records[0]["retry"] == nil)
    #expect(records[1]["retry"] as? Bool == true)
    #expect(records[1]["client_initial_dcid"] as? String == "09090909")
    #expect(bed.hidden.compactMap { $0["history"] as? String } == ["ISr", "IS"])
    #expect(bed.hidden.compactMap { $0["ssl_history"] as? String } == ["CC"])
  }

  @Test func versionNegotiation() {
    let offer: [UInt8] = [0x80, 0, 0, 0, 0, 0, 8] + id + Wire.be32(1) + Wire.be32(0xff00_001d)
    let unknown: [UInt8] =
      [0xc0] + Wire.be32(0x1a2a_3a4a) + [8] + id + [0] + [UInt8](repeating: 0, count: 1200)
    let bed = run { wire in
      wire.datagram(unknown, toServer: true)
      wire.datagram(offer, toServer: false)
      wire.datagram(
        QUICMaker.initial(QUICMaker.crypto(0, QUICMaker.hello[...]), dcid: id), toServer: true)
    }
    let records = quic(bed)
    #expect(records.count == 2)
    #expect(records[0]["version"] as? String == "0")
    #expect(records[0]["supported_versions"] as? [String] == ["1", "ff00001d"])
    #expect(records[1]["sni"] as? String == "example.com")
  }

  /// The server's packet is seen first: who is the client is told by whose id makes the keys.
  @Test func rolesAreToldByTheKeys() {
    let bed = run { wire in
      wire.datagram(QUICVectors.server1, toServer: true)
      wire.datagram(QUICVectors.client1, toServer: false)
    }
    let record = bed.records("quic")[0]
    #expect(record["src_port"] as? Int == 443)
    #expect((record["quic"] as! [String: Any])["sni"] as? String == "example.com")
  }

  @Test func probeIsNeverSureOfOtherThings() {
    var generator = SplitMix(state: 3)
    let context = ProbeContext(isToServer: true, isTCP: false, serverPort: 443, clientPort: 5)
    var sure = 0
    for _ in 0..<200_000 {
      let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
      bytes.withUnsafeBufferPointer {
        if QUICDatagrams.probe(Bytes($0.baseAddress!, $0.count), context) != .no { sure += 1 }
      }
    }
    #expect(sure == 0)
  }

  /// Cut at every byte, and with any byte changed: nothing traps, nothing is left.
  @Test func truncatedAndDamaged() {
    var generator = SplitMix(state: 11)
    let frames = QUICMaker.crypto(0, QUICMaker.hello[0..<100]) + [2, 5, 0, 0, 5]
    let packet = QUICMaker.initial(
      frames + QUICMaker.crypto(100, QUICMaker.hello[100...]), dcid: id)
    _ = run { wire in
      for length in stride(from: 0, to: packet.count, by: 3) {
        Wire(on: wire.bed, to: 443, from: 1000 + length).datagram(
          Array(packet.prefix(length)), toServer: true)
      }
    }
    _ = run { wire in
      for round in 0..<600 {
        var damaged = packet
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          damaged[Int.random(in: 0..<(round % 2 == 0 ? 40 : damaged.count), using: &generator)] =
            UInt8.random(in: 0...255, using: &generator)
        }
        let one = Wire(on: wire.bed, to: 443, from: 1000 + round)
        one.datagram(damaged, toServer: true)
        one.datagram(packet, toServer: round % 3 != 0)
      }
    }
  }

  /// Frames of a key that everybody can make are under the sender's control: all of them odd.
  @Test func hostileFrames() {
    var generator = SplitMix(state: 17)
    let bed = run { wire in
      for round in 0..<300 {
        var frames: [UInt8] = []
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
          switch Int.random(in: 0...5, using: &generator) {
          case 0: frames += QUICMaker.crypto(Int.random(in: 0...16_000, using: &generator), [1, 2])
          case 1: frames += [6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 1, 2, 3, 4]
          case 2: frames += [2, 0x3f, 0, 0xbf, 0xff, 0xff, 0xff, 0]
          case 3: frames += QUICMaker.crypto(0, [1, 0xff, 0xff, 0xff])
          case 4: frames += [6, 0, 0xc0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]
          default: frames += (0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) }
          }
        }
        let one = Wire(on: wire.bed, to: 443, from: 1000 + round)
        one.datagram(QUICMaker.initial(Array(frames.prefix(1100)), dcid: id), toServer: true)
      }
    }
    #expect(bed.records("quic").count > 200)
  }

  /// A hello in pieces of one byte with a hole after each.
  @Test func aThousandHolesCostNoMoreThanTheLimit() {
    let bed = run { wire in
      for number in 0..<20 {
        var frames: [UInt8] = []
        for place in 0..<150 { frames += QUICMaker.crypto(2 * (number * 150 + place) + 4, [1]) }
        wire.datagram(
          QUICMaker.initial(frames, dcid: id, number: UInt32(number)), toServer: true)
        #expect(wire.bed.buffersInUse <= 16 << 10)
      }
    }
    #expect(quic(bed).count == 1)
  }
}
